/**
 * Answers to possible filter conditions, as tokens for an index of exact texts: each token stands for one condition
 * that the record meets.
 */
import { hash } from 'node:crypto'
import { fieldPattern } from '../../gallery/field-values.js'
import type { Scalar } from '../../gallery/filter.js'
import type { JsonValue, Metadata } from '../../gallery/metadata.js'
import type { ImageRecord } from '../../gallery/records.js'
import { beginningsOf, cellsOf, digitsOf } from './number-cells.js'

type Labelled = Pick<ImageRecord, 'label' | 'metadata'>

/** Maximum tokens per record; a record with more is a candidate for every filter and checked individually. */
const tokensMax = 2_000

/** Present in every record. */
export const everyToken = '*'
/** Marks a record with too many tokens: only the record itself shows whether it matches. */
export const overflowToken = '+'
/** Marks a picture with a thumbnail but no descriptor. */
export const undescribedToken = '?'

export const existsToken = (field: string) => token('exists', field)
/** The field contains some text. */
export const textToken = (field: string) => token('text', field)

export function valueToken(field: string, value: Scalar): string {
  if (typeof value === 'number') return token('number', field, digitsOf(value))
  return token(value === null ? 'null' : typeof value, field, String(value))
}

/** A number in the range has at least one of them, and no other number does. */
export function rangeTokens(field: string, bounds: Parameters<typeof cellsOf>[0]): string[] {
  const { beginnings, digits } = cellsOf(bounds)
  return [
    ...beginnings.map((beginning) => token('begins', field, beginning)),
    ...digits.map((all) => token('number', field, all)),
  ]
}

export function tokensOf({ label, metadata }: Labelled): string[] {
  const ofLabel = label === null ? [valueToken('label', null)] : [existsToken('label'), valueToken('label', label)]
  const tokens = new Set([everyToken, ...ofLabel])
  return addMembers(tokens, 'metadata', metadata, 1) ? [...tokens] : [everyToken, overflowToken, ...ofLabel]
}

/** @returns false once there are too many */
function addMembers(tokens: Set<string>, path: string, members: Metadata, depth: number): boolean {
  for (const [name, value] of Object.entries(members)) {
    const field = `${path}.${name}`
    if (name.includes('.')) continue // not reachable by a filter: `a.b` means member b of a
    if (depth === 1 ? !fieldPattern.test(field) : depth > 8 || !fieldPattern.test(`metadata.${name}`)) continue
    if (!addValue(tokens, field, value) || tokens.size > tokensMax) return false
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      if (!addMembers(tokens, field, value, depth + 1)) return false
  }
  return true
}

/** @returns false once there are too many */
function addValue(tokens: Set<string>, field: string, value: JsonValue): boolean {
  tokens.add(existsToken(field))
  for (const element of Array.isArray(value) ? value : [value]) {
    if (tokens.size > tokensMax) return false
    if (typeof element === 'object' && element !== null) continue
    tokens.add(valueToken(field, element))
    if (typeof element === 'string') tokens.add(textToken(field))
    if (typeof element === 'number')
      for (const beginning of beginningsOf(digitsOf(element))) tokens.add(token('begins', field, beginning))
  }
  return true
}

/** Short, and only characters that every index preserves; 96 bits, which makes collisions negligible. */
function token(kind: string, field: string, value = ''): string {
  return hash('sha1', `${kind}\0${field}\0${value}`, 'base64url').slice(0, 16)
}

/**
 * Translates as much of a filter as the server can evaluate: its results include every match, and possibly other
 * pictures.
 */
import { Filters, type FilterValue } from 'weaviate-client'
import type { Condition, Filter, Range, Scalar } from '../../gallery/filter.js'
import { nfc } from '../../text.js'
import { everyToken, existsToken, overflowToken, rangeTokens, textToken, valueToken } from './filter-tokens.js'
import { wordNames, wordsOf } from './id-words.js'
import { uuidOf } from './image-object.js'

export type Where = FilterValue

export interface Pushed {
  /** Undefined: all of them. */
  where: Where | undefined
  /** The results contain only matches, except for records with too many tokens. */
  isExact: boolean
}

/** Objects with one of these ids. */
export function ofThese(uuids: readonly string[]): Where {
  return { operator: 'ContainsAny', target: { property: '_id' }, value: uuids }
}

/**
 * Lower and upper bounds of different types match nothing, nor does a range without numbers. The client sends a list
 * without tokens as one of numbers, which the server refuses (1.39.0).
 */
const nothingToken = '-'

export function pushed(filter: Filter, isNegated = false): Pushed {
  if ('not' in filter) return pushed(filter.not, !isNegated)
  if ('and' in filter || 'or' in filter) {
    const parts = ('and' in filter ? filter.and : filter.or).map((part) => pushed(part, isNegated))
    return 'and' in filter !== isNegated ? allOf(parts) : anyOf(parts)
  }
  if (filter.field === 'id') return { where: isNegated ? undefined : idWithin(filter), isExact: false }
  const isAbsence = 'exists' in filter && !filter.exists
  return leaf(tokensThatFit(filter), isNegated !== isAbsence)
}

/** By uuid, which is the same for all Unicode forms of an id, or by words. */
function idWithin(condition: Condition): Where | undefined {
  if ('exists' in condition) return undefined
  if ('in' in condition) return ofThese(condition.in.map((value) => uuidOf(String(value))))
  const { gt, gte = gt, lt, lte = lt } = condition.range
  const [least, most] = [gte, lte].map((bound) => (bound === undefined ? [] : wordsOf(nfc(String(bound)))))
  return wordsWithin(least!, most!).reduce<Where | undefined>(both, undefined)
}

/** A word has to be compared only if both bounds have the words before it in common. */
function wordsWithin(least: readonly number[], most: readonly number[]): Where[] {
  const last = wordNames.findIndex((_, i) => least[i] !== most[i])
  const compared = last === -1 ? wordNames : wordNames.slice(0, last + 1)
  return compared.flatMap((property, i): Where[] => {
    const target = { property }
    return [
      ...least.slice(i, i + 1).map((value): Where => ({ operator: 'GreaterThanEqual', target, value })),
      ...most.slice(i, i + 1).map((value): Where => ({ operator: 'LessThanEqual', target, value })),
    ]
  })
}

/** An inexact condition cannot be negated. */
function leaf({ tokens, isExact }: FilterTokens, isNegated: boolean): Pushed {
  if (!isNegated) return { where: anyToken([...tokens, overflowToken]), isExact }
  return { where: isExact ? noToken(tokens) : undefined, isExact }
}

export function anyToken(tokens: readonly string[]): Where {
  return { operator: 'ContainsAny', target: { property: 'tokens' }, value: tokens }
}

/** A negation alone also finds objects that are gone, once a shard has written more than a thousand (1.39.0). */
function noToken(tokens: readonly string[]): Where {
  return Filters.and(anyToken([everyToken]), Filters.not(anyToken(tokens)))
}

export function putUpTo(stamp: number): Where {
  return { operator: 'LessThanEqual', target: { property: 'stamp' }, value: stamp }
}

export function putBetween(from: number, upTo: number): Where {
  const onwards: Where = { operator: 'GreaterThanEqual', target: { property: 'stamp' }, value: from }
  return Filters.and(onwards, putUpTo(upTo))
}

/** Undefined if there is no condition. */
export function both(a: Where | undefined, b: Where | undefined): Where | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Filters.and(a, b)
}

/** For the REST interface. */
export function restOf({ operator, filters, target, value }: Where): object {
  if (filters !== undefined) return { operator, operands: filters.map(restOf) }
  const { property } = target as { property: string }
  return {
    operator,
    path: [property],
    ...(typeof value === 'number' ? { valueInt: value } : { valueTextArray: value }),
  }
}

function allOf(parts: readonly Pushed[]): Pushed {
  return { where: parts.map(({ where }) => where).reduce(both, undefined), isExact: parts.every(isExactPart) }
}

function anyOf(parts: readonly Pushed[]): Pushed {
  const wheres = parts.flatMap(({ where }) => where ?? [])
  if (wheres.length < parts.length) return { where: undefined, isExact: false }
  return { where: wheres.length === 1 ? wheres[0]! : Filters.or(...wheres), isExact: parts.every(isExactPart) }
}

const isExactPart = ({ isExact }: Pushed) => isExact

interface FilterTokens {
  /** A match has one of them. */
  tokens: string[]
  /** Only matches have one. */
  isExact: boolean
}

function tokensThatFit(condition: Condition): FilterTokens {
  const { field } = condition
  if ('exists' in condition) return { tokens: [existsToken(field)], isExact: true }
  if ('range' in condition) return tokensOfRange(field, condition.range)
  const values = field === 'label' ? condition.in.flatMap(labelsOf) : condition.in
  return { tokens: values.map((value) => valueToken(field, value)), isExact: true }
}

function tokensOfRange(field: string, range: Range): FilterTokens {
  const bounds = Object.values(range)
  if (field === 'label') return { tokens: [existsToken(field)], isExact: false }
  if (bounds.every((bound) => typeof bound === 'number')) {
    const tokens = rangeTokens(field, range as Record<keyof Range, number>)
    return { tokens: tokens.length === 0 ? [nothingToken] : tokens, isExact: true }
  }
  if (bounds.every((bound) => typeof bound === 'string')) return { tokens: [textToken(field)], isExact: false }
  return { tokens: [nothingToken], isExact: true }
}

/** Labels are strings, in one Unicode form. */
function labelsOf(value: Scalar): Scalar[] {
  return value === null ? [null] : [...new Set([String(value), nfc(String(value))])]
}

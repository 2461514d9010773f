/** A filter in the builder: conditions, all or any of which must hold. Pure. */
import type { Field, FieldType } from './fields.js'

const comparisons = ['equals', 'in', 'gte', 'lte', 'exists', 'missing'] as const
export type Comparison = (typeof comparisons)[number]

export const comparisonNames: Record<Comparison, string> = {
  equals: 'is',
  in: 'is one of',
  gte: 'is at least',
  lte: 'is at most',
  exists: 'is given',
  missing: 'is missing',
}

export interface Condition {
  field: string
  comparison: Comparison
  /** As typed; for `in`, separated by commas. */
  text: string
}

export interface FilterDraft {
  combine: 'and' | 'or'
  conditions: Condition[]
}

/** In the API's form; undefined if every picture matches. @param fields for their types */
export function filterOf(
  { combine, conditions }: FilterDraft,
  fields: readonly Pick<Field, 'name' | 'types'>[] = [],
): Record<string, unknown> | undefined {
  const typesOf = (field: string) => fields.find(({ name }) => name === field)?.types
  const parts = conditions.filter(isComplete).map((one) => conditionOf(one, typesOf(one.field)))
  if (parts.length === 0) return undefined
  return parts.length === 1 ? parts[0] : { [combine]: parts }
}

/** The filter in the page's URL; undefined if it is invalid. */
export function readFilter(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined
  try {
    const filter: unknown = JSON.parse(text)
    return typeof filter === 'object' && filter !== null ? (filter as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** The draft of a filter made by this builder; undefined for any other filter. */
export function draftOf(filter: unknown): FilterDraft | undefined {
  const { and, or } = (filter ?? {}) as { and?: unknown; or?: unknown }
  const parts = Array.isArray(and) ? and : Array.isArray(or) ? or : [filter]
  const conditions = parts.map(readCondition)
  if (!conditions.every((one) => one !== undefined)) return undefined
  return { combine: Array.isArray(or) ? 'or' : 'and', conditions }
}

/** The typed value as JSON: a string if the field holds only strings, otherwise a number, boolean or string. */
function typedValue(text: string, types: readonly FieldType[] | undefined): string | number | boolean {
  const trimmed = text.trim()
  if (types?.length === 1 && types[0] === 'text') return trimmed
  if (trimmed === 'true' || trimmed === 'false') return trimmed === 'true'
  return /^-?\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : trimmed
}

function isComplete({ field, comparison, text }: Condition): boolean {
  if (field === '') return false
  return comparison === 'in'
    ? listed(text).length > 0
    : comparison === 'exists' || comparison === 'missing' || text.trim() !== ''
}

function listed(text: string): string[] {
  return text.split(',').filter((one) => one.trim() !== '')
}

/** Comparisons available for values of these types; all if the types are unknown. */
export function comparisonsOf(types: readonly FieldType[] = []): readonly Comparison[] {
  const hasOrder = types.length === 0 || types.some((type) => type === 'text' || type === 'number')
  return comparisons.filter((one) => hasOrder || (one !== 'gte' && one !== 'lte' && one !== 'in'))
}

function conditionOf(
  { field, comparison, text }: Condition,
  types: readonly FieldType[] | undefined,
): Record<string, unknown> {
  const value = (one: string) => typedValue(one, field === 'label' || field === 'id' ? ['text'] : types)
  if (comparison === 'missing') return { field, exists: false }
  if (comparison === 'exists') return { field, exists: true }
  if (comparison === 'in') return { field, in: listed(text).map(value) }
  return { field, [comparison]: value(text) }
}

function readCondition(part: unknown): Condition | undefined {
  const { field, ...rest } = (part ?? {}) as Record<string, unknown>
  const [[name, value] = [], ...more] = Object.entries(rest)
  if (typeof field !== 'string' || name === undefined || more.length > 0) return undefined
  if (name === 'exists') return { field, comparison: value === true ? 'exists' : 'missing', text: '' }
  const comparison = comparisons.find((one) => one === name)
  const texts = (comparison === 'in' && Array.isArray(value) ? value : [value]).map(textOf)
  // commas separate the values of a list
  const isTypable = texts.every((text) => text !== undefined && !(comparison === 'in' && text.includes(',')))
  return comparison === undefined || !isTypable ? undefined : { field, comparison, text: texts.join(', ') }
}

/** As it would be typed; undefined for what cannot be: nothing at all, blanks around a text, null, an object. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return typeof value === 'string' && value !== '' && value === value.trim() ? value : undefined
}

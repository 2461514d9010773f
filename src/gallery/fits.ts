/** Evaluates a filter on a record, with the semantics of `filter.ts`. */
import { nfc } from '../text.js'
import type { Condition, Filter, Range, Scalar } from './filter.js'
import type { JsonValue, Metadata } from './metadata.js'

/** What filters read of a record. */
export interface Filtered {
  id: string
  label: string | null
  metadata: Metadata
}

export function fits(record: Filtered, filter: Filter): boolean {
  if ('and' in filter) return filter.and.every((part) => fits(record, part))
  if ('or' in filter) return filter.or.some((part) => fits(record, part))
  if ('not' in filter) return !fits(record, filter.not)
  return filter.field === 'id' || filter.field === 'label'
    ? textFits(record[filter.field], filter)
    : valueFits(valueAt(record, filter.field), filter)
}

/** Whether the filter has a condition on the metadata. */
export function asksMetadata(filter: Filter): boolean {
  return metadataConditions(filter) > 0
}

/** How many of the filter's conditions are on the metadata. */
export function metadataConditions(filter: Filter): number {
  if ('field' in filter) return filter.field.startsWith('metadata.') ? 1 : 0
  const parts = 'and' in filter ? filter.and : 'or' in filter ? filter.or : [filter.not]
  return parts.reduce((sum, part) => sum + metadataConditions(part), 0)
}

/** Of an id or a label. */
function textFits(text: string | null, condition: Condition): boolean {
  if ('exists' in condition) return (text !== null) === condition.exists
  if ('range' in condition)
    return text !== null && boundsOf(condition.range).every(([key, bound]) => isWithin(text, key, nfc(String(bound))))
  return condition.in.some((value) =>
    value === null || text === null ? value === text : text === String(value) || text === nfc(String(value)),
  )
}

/** A scalar counts as one element, a list as its own; an object's members do not count. */
function valueFits(value: JsonValue | undefined, condition: Condition): boolean {
  if ('exists' in condition) return (value !== undefined) === condition.exists
  if (value === undefined || (typeof value === 'object' && value !== null && !Array.isArray(value))) return false
  const elements = Array.isArray(value) ? value : [value]
  if ('range' in condition)
    return elements.some((element) => boundsOf(condition.range).every(([key, bound]) => isWithin(element, key, bound)))
  return elements.some((element) => (condition.in as JsonValue[]).includes(element))
}

function valueAt({ metadata }: Filtered, field: string): JsonValue | undefined {
  let value: JsonValue | undefined = metadata
  for (const name of field.split('.').slice(1)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name))
      return undefined
    value = value[name]
  }
  return value
}

const boundsOf = (range: Range) => Object.entries(range) as [keyof Range, string | number][]

/** Compares numbers with numbers, and strings with strings. */
function isWithin(value: JsonValue, key: keyof Range, bound: Scalar): boolean {
  if (typeof value !== typeof bound) return false
  const order = typeof value === 'string' ? compareTexts(value, bound as string) : (value as number) - (bound as number)
  return key === 'gt' ? order > 0 : key === 'gte' ? order >= 0 : key === 'lt' ? order < 0 : order <= 0
}

/** In UTF-8 order, as databases sort them. */
export function compareTexts(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** Which pictures may be hits: an expression over label and metadata, read from JSON and turned into SQL. */
import { AlikeError } from '../errors.js'
import { nfc } from '../text.js'
import { fieldPattern } from './field-values.js'

export type Scalar = string | number | boolean | null

export type Filter =
  | { and: Filter[] }
  | { or: Filter[] }
  | { not: Filter }
  /** `null` stands for no label, or for a JSON null. Of a list in the metadata, one element has to fit. */
  | { field: string; in: Scalar[] }
  /** Numbers among numbers, texts among texts. */
  | { field: string; range: Range }
  | { field: string; exists: boolean }

export type Range = Partial<Record<keyof typeof comparisons, string | number>>

const comparisons = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const

/** Bounds on what one request may ask the database for. */
const depthMax = 8
const conditionsMax = 100
const valuesMax = 1_000
const textMax = 1_024

/** @throws AlikeError `filter_invalid`, with the place of what does not fit */
export function readFilter(given: unknown): Filter {
  const budget = { conditions: conditionsMax, values: valuesMax }
  return readPart(given, '', 1, budget)
}

interface Budget {
  conditions: number
  values: number
}

function readPart(given: unknown, place: string, depth: number, budget: Budget): Filter {
  if (depth > depthMax) throw misfit(place, `is nested deeper than ${depthMax}`)
  if (--budget.conditions < 0) throw misfit(place, `makes more than ${conditionsMax} conditions`)
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw misfit(place, 'is not an object')
  const part = given as Record<string, unknown>
  const inner = (value: unknown, key: string) => readPart(value, `${place}/${key}`, depth + 1, budget)
  const keys = Object.keys(part)

  for (const key of ['and', 'or'] as const) {
    if (!(key in part)) continue
    const list = part[key]
    if (keys.length > 1 || !Array.isArray(list) || list.length === 0)
      throw misfit(place, `has beside "${key}" something else, or no list of conditions in it`)
    const filters = list.map((value, i) => inner(value, `${key}/${i}`))
    return key === 'and' ? { and: filters } : { or: filters }
  }
  if ('not' in part) {
    if (keys.length > 1) throw misfit(place, 'has something beside "not"')
    return { not: inner(part.not, 'not') }
  }
  return readCondition(part, place, budget)
}

function readCondition({ field, ...condition }: Record<string, unknown>, place: string, budget: Budget): Filter {
  if (typeof field !== 'string' || !fieldPattern.test(field))
    throw misfit(`${place}/field`, 'is neither "label" nor "metadata." and names joined by dots')
  const keys = Object.keys(condition)
  const scalar = (value: unknown): Scalar => {
    if (--budget.values < 0) throw misfit(place, `is one of more than ${valuesMax} values`)
    const fits =
      value === null ||
      typeof value === 'boolean' ||
      Number.isFinite(value) ||
      (typeof value === 'string' && value.length <= textMax)
    if (!fits)
      throw misfit(
        place,
        `compares with something that is no text of at most ${textMax} characters, number, boolean or null`,
      )
    return value as Scalar
  }
  if (keys.length === 1 && 'equals' in condition) return { field, in: [scalar(condition.equals)] }
  if (keys.length === 1 && Array.isArray(condition.in) && condition.in.length > 0)
    return { field, in: condition.in.map(scalar) }
  if (keys.length === 1 && typeof condition.exists === 'boolean') return { field, exists: condition.exists }
  if (keys.length > 0 && keys.every((key) => key in comparisons)) {
    const bounds = Object.entries(condition).map(([key, value]) => [key, scalar(value)] as const)
    if (bounds.some(([, value]) => typeof value !== 'string' && typeof value !== 'number'))
      throw misfit(place, 'bounds a range by something that is neither text nor number')
    return { field, range: Object.fromEntries(bounds) as Range }
  }
  throw misfit(place, 'needs beside "field" one of equals, in (not empty), exists, or bounds out of gt, gte, lt, lte')
}

export interface SqlCondition {
  /** Over the columns of `image`; every value of the caller is a parameter. */
  sql: string
  parameters: (string | number)[]
}

/**
 * Runs a statement with the condition of a filter. Metadata that SQLite can not read, stored before there was a bound on its
 * depth, would end the statement: only then it is looked for, and counts as empty.
 */
export function withReadable<Result>(filter: Filter, run: (condition: SqlCondition) => Result): Result {
  try {
    return run(sqlOf(filter))
  } catch (error) {
    if (!(error instanceof Error && error.message === 'malformed JSON')) throw error
    return run(sqlOf(filter, `iif(json_valid(metadata), metadata, '{}')`))
  }
}

/** @param metadata SQL of the JSON that conditions look into */
export function sqlOf(filter: Filter, metadata = 'metadata'): SqlCondition {
  if ('and' in filter)
    return joined(
      filter.and.map((part) => sqlOf(part, metadata)),
      ' AND ',
    )
  if ('or' in filter)
    return joined(
      filter.or.map((part) => sqlOf(part, metadata)),
      ' OR ',
    )
  if ('not' in filter) {
    const { sql, parameters } = sqlOf(filter.not, metadata)
    // a comparison with a missing value is neither true nor false to SQL
    return { sql: `NOT coalesce((${sql}), 0)`, parameters }
  }
  if (filter.field === 'label') return sqlOfLabel(filter)
  return sqlOfMetadata(filter, pathOf(filter.field), metadata)
}

type Condition = Exclude<Filter, { and: unknown } | { or: unknown } | { not: unknown }>

function sqlOfLabel(condition: Condition): SqlCondition {
  if ('exists' in condition) return { sql: condition.exists ? 'label IS NOT NULL' : 'label IS NULL', parameters: [] }
  if ('range' in condition)
    return joined(
      boundsOf(condition.range).map(({ sign, bound }) => ({ sql: `label ${sign} ?`, parameters: [String(bound)] })),
      ' AND ',
    )
  // labels are stored in NFC, those of before as they came
  const texts = [
    ...new Set(condition.in.filter((value) => value !== null).flatMap((value) => [String(value), nfc(String(value))])),
  ]
  const parts: SqlCondition[] = []
  if (texts.length > 0) parts.push({ sql: `label IN (${texts.map(() => '?').join(',')})`, parameters: texts })
  if (condition.in.includes(null)) parts.push({ sql: 'label IS NULL', parameters: [] })
  return joined(parts, ' OR ')
}

function sqlOfMetadata(condition: Condition, path: string, metadata: string): SqlCondition {
  if ('exists' in condition)
    return { sql: `json_type(${metadata}, ?) IS ${condition.exists ? 'NOT ' : ''}NULL`, parameters: [path] }
  const element =
    'range' in condition
      ? joined(
          boundsOf(condition.range).map(({ sign, bound }) => ({
            sql: `${typeOf(bound)} AND atom ${sign} ?`,
            parameters: [bound],
          })),
          ' AND ',
        )
      : joined(condition.in.map(sqlOfElement), ' OR ')
  // a scalar is one element, a list its own; the members of an object are not
  const sql = `json_type(${metadata}, ?) <> 'object' AND EXISTS (SELECT 1 FROM json_each(${metadata}, ?) WHERE ${element.sql})`
  return { sql, parameters: [path, path, ...element.parameters] }
}

function sqlOfElement(value: Scalar): SqlCondition {
  if (value === null || typeof value === 'boolean') return { sql: `type = '${String(value)}'`, parameters: [] }
  return { sql: `${typeOf(value)} AND atom = ?`, parameters: [value] }
}

const typeOf = (value: string | number): string =>
  typeof value === 'string' ? "type = 'text'" : "type IN ('integer', 'real')"

const boundsOf = (range: Range) =>
  Object.entries(range).map(([key, bound]) => ({ sign: comparisons[key as keyof Range], bound }))

/** `metadata.place.city` → `$."place"."city"`; the names have no quotes. */
function pathOf(field: string): string {
  return `$${field
    .split('.')
    .slice(1)
    .map((name) => `."${name}"`)
    .join('')}`
}

function joined(parts: readonly SqlCondition[], by: ' AND ' | ' OR '): SqlCondition {
  return { sql: parts.map(({ sql }) => `(${sql})`).join(by), parameters: parts.flatMap(({ parameters }) => parameters) }
}

function misfit(place: string, detail: string): AlikeError {
  return new AlikeError('filter_invalid', { detail: `${place === '' ? 'The filter' : place} ${detail}.` })
}

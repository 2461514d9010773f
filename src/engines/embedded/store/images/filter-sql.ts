/** Translates a filter into SQL over the columns of `image`. */
import type { Condition, Filter, Range, Scalar } from '../../../../gallery/filter.js'
import { nfc } from '../../../../text.js'

const signs = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const satisfies Record<keyof Range, string>

export interface SqlCondition {
  /** Over the columns of `image`; every caller value is a parameter. */
  sql: string
  parameters: (string | number)[]
}

/**
 * Runs a statement with a filter's condition. Metadata stored before its depth was bounded may be unreadable to SQLite
 * and fail the statement; only then is such metadata detected and treated as empty.
 */
export function withReadable<Result>(filter: Filter, run: (condition: SqlCondition) => Result): Result {
  try {
    return run(sqlOf(filter))
  } catch (error) {
    if (!(error instanceof Error && error.message === 'malformed JSON')) throw error
    return run(sqlOf(filter, `iif(json_valid(metadata), metadata, '{}')`))
  }
}

/** @param metadata SQL expression for the JSON that conditions read */
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
    // comparing with a missing value yields NULL, neither true nor false
    return { sql: `NOT coalesce((${sql}), 0)`, parameters }
  }
  if (filter.field === 'id' || filter.field === 'label') return sqlOfText(filter.field, filter)
  return sqlOfMetadata(filter, pathOf(filter.field), metadata)
}

function sqlOfText(column: 'id' | 'label', condition: Condition): SqlCondition {
  if ('exists' in condition) return { sql: `${column} IS ${condition.exists ? 'NOT ' : ''}NULL`, parameters: [] }
  if ('range' in condition)
    return joined(
      boundsOf(condition.range).map(({ sign, bound }) => ({
        sql: `${column} ${sign} ?`,
        parameters: [nfc(String(bound))],
      })),
      ' AND ',
    )
  // stored in NFC, older ones as they were sent
  const texts = [
    ...new Set(condition.in.filter((value) => value !== null).flatMap((value) => [String(value), nfc(String(value))])),
  ]
  const parts: SqlCondition[] = []
  if (texts.length > 0) parts.push({ sql: `${column} IN (${placesFor(texts)})`, parameters: texts })
  if (condition.in.includes(null)) parts.push({ sql: `${column} IS NULL`, parameters: [] })
  return joined(parts, ' OR ')
}

function sqlOfMetadata(condition: Condition, path: string, metadata: string): SqlCondition {
  if ('exists' in condition)
    return { sql: `json_type(${metadata}, ?) IS ${condition.exists ? 'NOT ' : ''}NULL`, parameters: [path] }
  const element =
    'range' in condition
      ? joined(
          boundsOf(condition.range).map(({ sign, bound }) => ({
            sql: typeof bound === 'string' ? `${isText} AND atom ${sign} ?` : `${isNumber} AND ${number} ${sign} ?`,
            parameters: [bound],
          })),
          ' AND ',
        )
      : sqlOfValues(condition.in)
  // a scalar counts as one element, a list as its own; an object's members do not count
  const sql = `json_type(${metadata}, ?) <> 'object' AND EXISTS (SELECT 1 FROM json_each(${metadata}, ?) WHERE ${element.sql})`
  return { sql, parameters: [path, path, ...element.parameters] }
}

/** One condition for each type of value: a thousand conditions would be nested deeper than SQLite accepts. */
function sqlOfValues(values: readonly Scalar[]): SqlCondition {
  const texts = values.filter((value) => typeof value === 'string')
  const numbers = values.filter((value) => typeof value === 'number')
  const others = new Set(values.filter((value) => value === null || typeof value === 'boolean').map(String))
  const parts: SqlCondition[] = []
  if (texts.length > 0) parts.push({ sql: `${isText} AND atom IN (${placesFor(texts)})`, parameters: texts })
  if (numbers.length > 0)
    parts.push({ sql: `${isNumber} AND ${number} IN (${placesFor(numbers)})`, parameters: numbers })
  for (const type of others) parts.push({ sql: `type = '${type}'`, parameters: [] })
  return joined(parts, ' OR ')
}

const placesFor = (values: readonly unknown[]): string => values.map(() => '?').join(',')

const isText = "type = 'text'"
const isNumber = "type IN ('integer', 'real')"
/**
 * JSON writes a float64 beyond 2⁵³ with fewer digits than it has, and SQLite reads these digits as another, exact
 * integer.
 */
const number = 'CAST(atom AS REAL)'

const boundsOf = (range: Range) =>
  Object.entries(range).map(([key, bound]) => ({ sign: signs[key as keyof Range], bound }))

/** `metadata.place.city` → `$."place"."city"`; names contain no quotes. */
function pathOf(field: string): string {
  return `$${field
    .split('.')
    .slice(1)
    .map((name) => `."${name}"`)
    .join('')}`
}

export function joined(parts: readonly SqlCondition[], by: ' AND ' | ' OR '): SqlCondition {
  return { sql: parts.map(({ sql }) => `(${sql})`).join(by), parameters: parts.flatMap(({ parameters }) => parameters) }
}

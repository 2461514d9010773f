/** Which pictures may be hits: an expression over label and metadata, read from JSON. What it means to an engine is the engine's to say. */
import { AlikeError } from '../errors.js'
import { fieldPattern } from './field-values.js'

export type Scalar = string | number | boolean | null

export type Filter = Condition | { and: Filter[] } | { or: Filter[] } | { not: Filter }

export type Condition =
  /** `null` stands for no label, or for a JSON null. Of a list in the metadata, one element has to fit. */
  | { field: string; in: Scalar[] }
  /** Numbers among numbers, texts among texts. */
  | { field: string; range: Range }
  | { field: string; exists: boolean }

export const comparisons = ['gt', 'gte', 'lt', 'lte'] as const
export type Range = Partial<Record<(typeof comparisons)[number], string | number>>

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
  if (keys.length > 0 && keys.every((key) => (comparisons as readonly string[]).includes(key))) {
    const bounds = Object.entries(condition).map(([key, value]) => [key, scalar(value)] as const)
    if (bounds.some(([, value]) => typeof value !== 'string' && typeof value !== 'number'))
      throw misfit(place, 'bounds a range by something that is neither text nor number')
    return { field, range: Object.fromEntries(bounds) as Range }
  }
  throw misfit(place, 'needs beside "field" one of equals, in (not empty), exists, or bounds out of gt, gte, lt, lte')
}

function misfit(place: string, detail: string): AlikeError {
  return new AlikeError('filter_invalid', { detail: `${place === '' ? 'The filter' : place} ${detail}.` })
}

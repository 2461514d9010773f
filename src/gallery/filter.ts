/**
 * Which pictures may be hits: an expression over id, label and metadata, as callers write it and as the engine receives
 * it.
 */
import { type Static, type TProperties, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { AlikeError } from '../errors.js'
import { fieldPattern } from './field-values.js'

/** Limits on what one request may ask of the engine. */
const depthMax = 8
const conditionsMax = 100
const valuesMax = 1_000
const textMax = 1_024

const Scalar = Type.Union([Type.String({ maxLength: textMax }), Type.Number(), Type.Boolean(), Type.Null()])
const Bound = Type.Union([Type.String({ maxLength: textMax }), Type.Number()])
const Field = Type.String({
  pattern: `^id$|${fieldPattern.source}`,
  description: '`id`, `label`, or `metadata.` and names joined by dots. Ids and labels are compared as strings.',
  examples: ['metadata.place.city'],
})

const closed = <Properties extends TProperties>(properties: Properties, description: string) =>
  Type.Object(properties, { additionalProperties: false, description })

const Equals = closed(
  { field: Field, equals: Scalar },
  '`null` stands for no label, or for a JSON null. A list in the metadata matches if one of its elements does.',
)
const In = closed(
  { field: Field, in: Type.Array(Scalar, { minItems: 1, maxItems: valuesMax }) },
  'One of these values, as with `equals`.',
)
const Exists = closed({ field: Field, exists: Type.Boolean() }, 'Whether there is a value at all.')
const Between = Type.Object(
  {
    field: Field,
    gt: Type.Optional(Bound),
    gte: Type.Optional(Bound),
    lt: Type.Optional(Bound),
    lte: Type.Optional(Bound),
  },
  {
    additionalProperties: false,
    minProperties: 2,
    description: 'Between bounds; numbers are compared with numbers, strings with strings.',
  },
)

const Nested = Type.Ref('Filter')
const nestedList = Type.Array(Nested, { minItems: 1, maxItems: conditionsMax })

/** As callers write it; its parts may be nested. */
export const FilterJson = Type.Cyclic(
  {
    Filter: Type.Union(
      [
        closed({ and: nestedList }, 'All of them.'),
        closed({ or: nestedList }, 'At least one of them.'),
        closed({ not: Nested }, 'Also matches where the field is missing.'),
        Equals,
        In,
        Exists,
        Between,
      ],
      {
        description: `Pictures that match a condition on \`id\`, \`label\` or a path in the metadata, or a combination of conditions: at most ${depthMax} levels and ${conditionsMax} conditions in all.`,
      },
    ),
  },
  'Filter',
)
export type FilterJson = Static<typeof FilterJson>

export type Scalar = Static<typeof Scalar>
export type Range = Omit<Static<typeof Between>, 'field'>

/** As the engine receives it. */
export type Filter = Condition | { and: Filter[] } | { or: Filter[] } | { not: Filter }

export type Condition =
  | { field: string; in: Scalar[] }
  | { field: string; range: Range }
  | { field: string; exists: boolean }

/** Parts of a filter that every match meets. */
export function conjuncts(filter: Filter): Filter[] {
  return 'and' in filter ? filter.and.flatMap(conjuncts) : [filter]
}

const checks = {
  field: Compile(Field),
  equals: Compile(Equals),
  in: Compile(In),
  exists: Compile(Exists),
  between: Compile(Between),
}

/** @throws AlikeError `filter_invalid`, with the location of the error */
export function readFilter(json: unknown): Filter {
  const budget = { conditions: conditionsMax, values: valuesMax }
  return readPart(json, '', 1, budget)
}

interface Budget {
  conditions: number
  values: number
}

/**
 * Recurses itself instead of validating the whole schema: an error about seven alternatives would tell nothing.
 */
function readPart(json: unknown, place: string, depth: number, budget: Budget): Filter {
  if (depth > depthMax) throw misfit(place, `is nested deeper than ${depthMax}`)
  if (--budget.conditions < 0) throw misfit(place, `exceeds the maximum of ${conditionsMax} conditions in all`)
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw misfit(place, 'is not an object')
  const part = json as Record<string, unknown>
  const inner = (value: unknown, key: string) => readPart(value, `${place}/${key}`, depth + 1, budget)
  const isAlone = Object.keys(part).length === 1

  for (const key of ['and', 'or'] as const) {
    if (!(key in part)) continue
    const list = part[key]
    if (!isAlone || !Array.isArray(list) || list.length === 0)
      throw misfit(place, `has beside "${key}" something else, or no list of conditions in it`)
    const filters = list.map((value, i) => inner(value, `${key}/${i}`))
    return key === 'and' ? { and: filters } : { or: filters }
  }
  if ('not' in part) {
    if (!isAlone) throw misfit(place, 'has something beside "not"')
    return { not: inner(part.not, 'not') }
  }
  return readCondition(part, place, budget)
}

function readCondition(part: Record<string, unknown>, place: string, budget: Budget): Filter {
  budget.values -= Array.isArray(part.in) ? part.in.length : Object.keys(part).length - 1
  if (budget.values < 0) throw misfit(place, `exceeds the maximum of ${valuesMax} values in all`)
  if (checks.equals.Check(part)) return { field: part.field, in: [part.equals] }
  if (checks.in.Check(part)) return { field: part.field, in: part.in }
  if (checks.exists.Check(part)) return { field: part.field, exists: part.exists }
  if (checks.between.Check(part)) {
    const { field, ...range } = part
    return { field, range }
  }
  throw misfitOf(part, place)
}

const bounds = ['gt', 'gte', 'lt', 'lte']

function misfitOf({ field, ...condition }: Record<string, unknown>, place: string): AlikeError {
  if (!checks.field.Check(field))
    return misfit(`${place}/field`, 'is neither "id", "label" nor "metadata." and names joined by dots')
  const keys = Object.keys(condition)
  const values = Array.isArray(condition.in) ? condition.in : [condition.equals]
  if (keys.length === 1 && ('equals' in condition || ('in' in condition && values.length > 0)))
    return misfit(
      place,
      `compares with something that is not a string of at most ${textMax} characters, a number, a boolean or null`,
    )
  if (keys.length > 0 && keys.every((key) => bounds.includes(key)))
    return misfit(
      place,
      `bounds a range by something that is neither a string of at most ${textMax} characters nor a number`,
    )
  return misfit(place, 'needs beside "field" one of equals, in (not empty), exists, or bounds out of gt, gte, lt, lte')
}

function misfit(place: string, detail: string): AlikeError {
  return new AlikeError('filter_invalid', { detail: `${place === '' ? 'The filter' : place} ${detail}.` })
}

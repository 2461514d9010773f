/** What random sequences draw: ids and labels in awkward forms, metadata of all types, filters over them. */
import fc from 'fast-check'
import type { Filter, Scalar } from '../../../src/gallery/filter.js'
import type { JsonValue, Metadata } from '../../../src/gallery/records.js'
import { pictures } from './pictures.js'

const ids = ['a', 'b', 'B', 'é', 'e\u0301', '\uffee', '𝒶', '..', 'a b', "o'", '%']
const labels = [null, 'a', 'A', '1', 'true', 'é', 'e\u0301', '𝒶']
const scalars: Scalar[] = [0, 1, -1.5, 2 ** 53, 1e21, '', '1', 'a', 'é', 'e\u0301', '\uffee', '𝒶', true, false, null]
/** Of all that is drawn, in order. */
export const drawnFields = [
  'label',
  'metadata.n',
  'metadata.n.m',
  'metadata.o o',
  'metadata.o o.m',
  'metadata.t',
  'metadata.t.m',
]

export const id = fc.constantFrom(...ids)
export const label = fc.constantFrom(...labels)
export const field = fc.constantFrom(...drawnFields)
const filtered = fc.constantFrom('id', ...drawnFields)
export const picture = fc.nat(pictures.length - 1)

export const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined })

const scalar = fc.constantFrom(...scalars)
const value: fc.Arbitrary<JsonValue> = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.record({ m: scalar }, { noNullPrototype: true }),
)
export const metadata = fc.record(
  { n: value, t: value, 'o o': value },
  { requiredKeys: [], noNullPrototype: true },
) as fc.Arbitrary<Metadata>

const bound = fc.constantFrom<string | number>(0, 1, -1.5, 2 ** 53, '', '1', 'a', 'é', 'e\u0301', '\uffee', '𝒶')
export const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ field: filtered, in: fc.array(scalar, { minLength: 1, maxLength: 3 }) }),
    fc.record({ field: filtered, exists: fc.boolean() }),
    fc.record({ field: filtered, range: fc.record({ gt: bound }) }),
    fc.record({ field: filtered, range: fc.record({ gte: bound, lt: bound }) }),
    fc.record({ field: filtered, range: fc.record({ lte: bound }) }),
    fc.record({ and: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ or: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ not: tie('filter') }),
  ),
}))

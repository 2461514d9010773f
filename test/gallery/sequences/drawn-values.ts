/** What random sequences draw: ids and labels in awkward forms, metadata of all types, filters over them. */
import fc from 'fast-check'
import type { Filter, Scalar } from '../../../src/gallery/filter.js'
import type { JsonValue, Metadata } from '../../../src/gallery/metadata.js'
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

/** Ids of images that are stored together. */
export const manyIds = Array.from({ length: 30 }, (_, i) => `many ${i}`)
export const id = fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...ids) }, fc.constantFrom(...manyIds))
export const label = fc.constantFrom(...labels)
export const field = fc.constantFrom(...drawnFields)
const filtered = fc.constantFrom('id', ...drawnFields)
export const picture = fc.nat(pictures.length - 1)

/** Mostly not, so that most images may be hits. */
export const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) =>
  fc.oneof({ withCrossShrink: true }, { weight: 2, arbitrary: fc.constant(undefined) }, arbitrary)

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
const { anyFilter } = fc.letrec<{ anyFilter: Filter }>((tie) => ({
  anyFilter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ field: filtered, in: fc.array(scalar, { minLength: 1, maxLength: 3 }) }),
    fc.record({ field: filtered, exists: fc.boolean() }),
    fc.record({ field: filtered, range: fc.record({ gt: bound }) }),
    fc.record({ field: filtered, range: fc.record({ gte: bound, lt: bound }) }),
    fc.record({ field: filtered, range: fc.record({ lte: bound }) }),
    fc.record({ and: fc.array(tie('anyFilter'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ or: fc.array(tie('anyFilter'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ not: tie('anyFilter') }),
  ),
}))

/** What is kept for a filter may be stale when it is used again. */
export const usualFilters: Filter[] = [
  { field: 'label', in: ['a', null] },
  { not: { field: 'label', in: ['a'] } },
  { field: 'metadata.n', exists: true },
  { not: { field: 'metadata.n', range: { gte: 0, lt: 1 } } },
]
export const filter = fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...usualFilters) }, anyFilter)

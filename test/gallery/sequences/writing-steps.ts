/** Calls that write: every outcome is known beforehand. */
import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { type Precondition, versionOf } from '../../../src/gallery/precondition.js'
import type { ImageRecord, ImageStep, PutImage, StepResult } from '../../../src/gallery/records.js'
import { newImage, removeImages } from '../stored-images.js'
import { type ComparedGalleries, name, Step, step } from './compared-galleries.js'
import { filter, id, label, manyIds, maybe, metadata, picture, usualFilters } from './drawn-values.js'
import { embeddedBy } from './models.js'
import { pictures } from './pictures.js'
import { matches } from './plain-filter.js'
import type { PlainGallery } from './plain-gallery.js'

export const image = fc.record({ id, label: maybe(label), metadata: maybe(metadata), picture })
export type Drawn = typeof image extends fc.Arbitrary<infer Value> ? Value : never

function stored({ id, label, metadata, picture }: Drawn, modelId: string): PutImage {
  const { vector, ...content } = pictures[picture]!
  return { ...newImage(id, embeddedBy(modelId, vector), { ...content, modelId }), label, metadata }
}
const plainOf = ({ picture, ...said }: Drawn) => ({ ...said, picture: pictures[picture]! })

const removals = fc.dictionary(fc.constantFrom('n', 't', 'o o'), fc.constant(null), { noNullPrototype: true })
const merge = fc.record({ members: fc.oneof(metadata, removals) }, { noNullPrototype: true })
const newSaid = fc.oneof(
  fc.record({ label, metadata }, { requiredKeys: [], noNullPrototype: true }),
  fc.record({ label, merge }, { requiredKeys: ['merge'], noNullPrototype: true }),
)

const oneOfSeveral = fc.oneof(
  { weight: 5, arbitrary: fc.record({ put: image, unlessSame: fc.boolean() }) },
  fc.record({ patch: id, change: newSaid }),
  fc.record({ remove: id, of: maybe(picture) }),
)
type OneOfSeveral = typeof oneOfSeveral extends fc.Arbitrary<infer Value> ? Value : never

function sentStep(one: OneOfSeveral, modelId: string): ImageStep {
  if ('put' in one) return { put: stored(one.put, modelId), unlessSame: one.unlessSame }
  if ('patch' in one) return one
  return { remove: one.remove, ...(one.of !== undefined && { contentHash: pictures[one.of]!.contentHash }) }
}

function outcomeOf(one: OneOfSeveral, plain: PlainGallery): StepResult {
  if ('put' in one) return plain.put(plainOf(one.put), one.unlessSame)
  if ('patch' in one) return plain.patch(one.patch, one.change) ? { patched: true } : { refused: 'image_not_found' }
  const isThere = plain.remove(one.remove, one.of === undefined ? undefined : pictures[one.of])
  return isThere ? { removed: true } : { absent: true }
}

/** In order; a patch may be refused alone, and so may a new image of a full gallery. */
const change = step(
  'change',
  fc.record({ name, steps: fc.array(oneOfSeveral, { minLength: 1, maxLength: 4 }) }),
  (at, { name, steps }) =>
    at.of(
      name,
      ({ images }) =>
        at.embedded(name, (modelId) =>
          images.change(
            name,
            steps.map((one) => sentStep(one, modelId)),
          ),
        ),
      async (plain, answer) => {
        const outcomes = await answer()
        assert.deepEqual(
          outcomes,
          steps.map((one) => outcomeOf(one, plain)),
        )
      },
    ),
)

/** So many that lists are read in several parts. */
export const putMany = step(
  'put many',
  fc.record({
    name,
    from: fc.nat(manyIds.length),
    count: fc.integer({ min: 10, max: 30 }),
    said: fc.array(image, { minLength: 1, maxLength: 5 }),
  }),
  (at, { name, from, count, said }) => {
    const ids = Array.from({ length: count }, (_, i) => manyIds[(from + i) % manyIds.length]!)
    return putAll(at, name, ids, said)
  },
)

/** @param said of the images in turn */
export function putAll(at: ComparedGalleries, name: string, ids: string[], said: Drawn[]): Promise<void> {
  const images = ids.map((id, i) => ({ ...said[i % said.length]!, id }))
  return at.of(
    name,
    (galleries) =>
      at.embedded(name, (modelId) =>
        galleries.images.change(
          name,
          images.map((one) => ({ put: stored(one, modelId) })),
        ),
      ),
    async (plain, answer) =>
      assert.deepEqual(
        await answer(),
        images.map((one) => plain.put(plainOf(one))),
      ),
  )
}

const putOne = step(
  'put one',
  fc.record({ name, image, unlessSame: fc.boolean() }),
  (at, { name, image, unlessSame }) =>
    at.of(
      name,
      ({ images }) => at.embedded(name, (modelId) => images.putOne(name, { put: stored(image, modelId), unlessSame })),
      async (plain, answer) => {
        if (plain.isFullFor(image.id)) return assert.rejects(answer(), { code: 'gallery_full' })
        const { record, created } = await answer()
        const outcome = plain.put(plainOf(image), unlessSame)
        assert.equal(created, 'created' in outcome && outcome.created)
        const { label, metadata, picture } = plain.get(image.id)!
        assert.deepEqual(
          [record.id, record.label, record.metadata, record.contentHash],
          [image.id.normalize('NFC'), label, metadata, picture.contentHash],
        )
      },
    ),
)

const remove = step(
  'remove',
  fc.record({ name, ids: fc.array(id, { minLength: 1, maxLength: 3 }) }),
  (at, { name, ids }) =>
    at.of(
      name,
      ({ images }) => removeImages(images, name, ids),
      async (plain, answer) => {
        const removed = await answer()
        assert.deepEqual(
          removed,
          ids.filter((id) => plain.remove(id)),
        )
      },
    ),
)

const patch = step('patch', fc.record({ name, id, change: newSaid }), (at, { name, id, change }) =>
  at.of(
    name,
    ({ images }) => images.patch(name, id, change),
    async (plain, answer) => {
      if (plain.get(id) === undefined) return assert.rejects(answer(), { code: 'image_not_found' })
      const record = await answer()
      plain.patch(id, change)
      const now = plain.get(id)!
      assert.deepEqual([record.label, record.metadata], [now.label, now.metadata])
    },
  ),
)

const removeFitting = step('remove fitting', fc.record({ name, filter }), (at, { name, filter }) =>
  at.of(
    name,
    ({ images }) => images.removeFitting(name, filter),
    async (plain, answer) => {
      const fitting = plain.ids((one) => matches(one, filter))
      assert.equal(await answer(), fitting.length)
      for (const id of fitting) plain.remove(id)
    },
  ),
)

const patchFitting = step(
  'patch fitting',
  fc.record({ name, filter, change: newSaid }),
  (at, { name, filter, change }) =>
    at.of(
      name,
      ({ images }) => images.changeFitting(name, { filter, change }),
      async (plain, answer) => {
        const fitting = plain.ids((one) => matches(one, filter))
        assert.equal(await answer(), fitting.length)
        for (const id of fitting) plain.patch(id, change)
      },
    ),
)

/** Of a record that is stored, or was; undefined: whatever is stored. */
const condition = fc.constantFrom('any', 'this', 'another')
const conditions = fc.record({ match: condition, noneMatch: condition }, { requiredKeys: [] })

function preconditionOf(
  { match, noneMatch }: typeof conditions extends fc.Arbitrary<infer Value> ? Value : never,
  stored: ImageRecord | undefined,
): Precondition {
  const versions = (one: typeof match) => {
    if (one === undefined || one === 'any') return one
    return one === 'this' && stored !== undefined ? ['0'.repeat(32), versionOf(stored)] : ['0'.repeat(32)]
  }
  return { match: versions(match), noneMatch: versions(noneMatch) }
}

/** One write, which happens if its condition holds. */
const writeIf = step(
  'write if',
  fc.record({
    name,
    conditions,
    write: fc.oneof(fc.record({ put: image }), fc.record({ patch: id, change: newSaid }), fc.record({ remove: id })),
  }),
  async (at, { name, conditions, write }) => {
    const plain = at.plain.get(name)
    if (plain === undefined) return
    const { images } = at.galleries
    const given = 'put' in write ? write.put.id : 'patch' in write ? write.patch : write.remove
    const before = await images.get(name, given)
    const onlyIf = preconditionOf(conditions, before)
    const meets = (one: typeof conditions.match) => before !== undefined && one !== 'another'
    const { match, noneMatch } = conditions
    const holds = (match === undefined || meets(match)) && (noneMatch === undefined || !meets(noneMatch))
    const written =
      'put' in write
        ? at.embedded(name, (modelId) => images.putOne(name, { put: stored(write.put, modelId), onlyIf }))
        : 'patch' in write
          ? images.patch(name, given, write.change, onlyIf)
          : images.removeOne(name, given, onlyIf)
    if (!('put' in write) && before === undefined) return assert.rejects(written, { code: 'image_not_found' })
    if (!holds) {
      await assert.rejects(written, { code: 'precondition_failed' })
      return assert.deepEqual(await images.get(name, given), before)
    }
    if ('put' in write && plain.isFullFor(given)) return assert.rejects(written, { code: 'gallery_full' })
    await written
    if ('put' in write) plain.put(plainOf(write.put))
    else if ('patch' in write) plain.patch(given, write.change)
    else plain.remove(given)
    const after = await images.get(name, given)
    if (before === undefined || after === undefined) return
    assert.equal(versionOf(after) === versionOf(before), isDeepStrictEqual(after, before))
  },
)

/** What was kept for a filter before the write is no longer used. */
async function compareCounts(at: ComparedGalleries): Promise<void> {
  for (const [name, plain] of at.plain)
    for (const filter of usualFilters) {
      const count = await at.galleries.images.countFitting(name, filter)
      assert.equal(count, plain.ids((image) => matches(image, filter)).length)
    }
}

const writes = fc.oneof(
  { weight: 6, arbitrary: change },
  { weight: 3, arbitrary: putOne },
  { weight: 2, arbitrary: putMany },
  { weight: 2, arbitrary: remove },
  { weight: 3, arbitrary: patch },
  removeFitting,
  { weight: 2, arbitrary: patchFitting },
)

const counted = (writes: fc.Arbitrary<Step>) =>
  writes.map(
    ({ name, given, take }) =>
      new Step(name, given, async (at) => {
        await take(at)
        await compareCounts(at)
      }),
  )

export const writingSteps = counted(writes)
/** For galleries whose serving set stays the same: records in another one are other versions. */
export const conditionalSteps = counted(writeIf)

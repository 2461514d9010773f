/** Calls that only read: lists, single images, labels, counts, fields. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Filter } from '../../../src/gallery/filter.js'
import type { Galleries } from '../../../src/gallery/galleries.js'
import type { ImageRecord } from '../../../src/gallery/records.js'
import { embeddingOf, listGalleries } from '../stored-images.js'
import { type ComparedGalleries, name, step } from './compared-galleries.js'
import { drawnFields, filter, id, label, maybe } from './drawn-values.js'
import { embeddedBy } from './models.js'
import { hasField, inTextOrder, matches } from './plain-filter.js'
import type { PlainGallery } from './plain-gallery.js'

/** Page by page. */
async function listed(galleries: Galleries, name: string, limit: number, filter?: Filter): Promise<ImageRecord[]> {
  const records: ImageRecord[] = []
  for (let after: string | undefined; ; ) {
    const page = await galleries.images.page(name, { limit, after, filter })
    records.push(...page.images)
    if (page.next === undefined) return records
    after = page.next
  }
}

const list = step(
  'list',
  fc.record({ name, limit: fc.integer({ min: 1, max: 4 }), filter: maybe(filter) }),
  (at, { name, limit, filter }) =>
    at.of(
      name,
      (galleries) => listed(galleries, name, limit, filter),
      async (plain, answer) =>
        assert.deepEqual(
          (await answer()).map(({ id }) => id),
          plain.ids((image) => filter === undefined || matches(image, filter)),
        ),
    ),
)

const listLabel = step('list label', fc.record({ name, label }), (at, { name, label }) =>
  at.of(
    name,
    ({ images }) => images.page(name, { label }),
    async (plain, answer) =>
      assert.deepEqual(
        (await answer()).images.map(({ id }) => id),
        plain.ids((image) => image.label === (label?.normalize('NFC') ?? null)),
      ),
  ),
)

const get = step('get', fc.record({ name, id }), (at, { name, id }) =>
  at.of(
    name,
    async (galleries) => ({
      record: await galleries.images.get(name, id),
      vector: await embeddingOf(galleries, name, id),
      thumbnail: await galleries.images.thumbnail(name, id),
    }),
    async (plain, answer) => {
      const { record, vector, thumbnail } = await answer()
      const image = plain.get(id)
      assert.deepEqual(vector, image && embeddedBy(at.modelOf(name).id, image.picture.vector))
      assert.deepEqual(
        [record?.id, record?.label, record?.metadata, record?.contentHash, thumbnail?.contentHash],
        image === undefined
          ? Array(5).fill(undefined)
          : [id.normalize('NFC'), image.label, image.metadata, image.picture.contentHash, image.picture.contentHash],
      )
    },
  ),
)

const count = step('count', fc.record({ name, filter }), (at, { name, filter }) =>
  at.of(
    name,
    ({ images }) => images.countFitting(name, filter),
    async (plain, answer) => assert.equal(await answer(), plain.ids((image) => matches(image, filter)).length),
  ),
)

async function compareContents({ galleries }: Pick<ComparedGalleries, 'galleries'>, name: string, plain: PlainGallery) {
  const records = await listed(galleries, name, 100)
  assert.deepEqual(
    records.map(({ id, label, metadata, contentHash }) => ({ id, label, metadata, contentHash })),
    plain.ids().map((id) => {
      const { label, metadata, picture } = plain.images.get(id)!
      return { id, label, metadata, contentHash: picture.contentHash }
    }),
  )
}

async function compareLabels({ galleries }: Pick<ComparedGalleries, 'galleries'>, name: string, plain: PlainGallery) {
  const counts = new Map<string | null, number>()
  for (const { label } of plain.images.values()) counts.set(label, (counts.get(label) ?? 0) + 1)
  const inOrder = [...counts].sort(([a], [b]) => (a === null ? -1 : b === null ? 1 : inTextOrder(a, b)))
  assert.deepEqual(
    await galleries.images.labels(name),
    inOrder.map(([label, count]) => ({ label, count })),
  )
}

async function compareFields({ galleries }: Pick<ComparedGalleries, 'galleries'>, name: string, plain: PlainGallery) {
  const { examined, fields } = await galleries.images.fields(name)
  assert.equal(examined, plain.images.size)
  const counts = drawnFields.map((field) => [field, plain.ids((image) => hasField(image, field)).length] as const)
  assert.deepEqual(
    fields.map(({ name, images }) => [name, images]),
    counts.filter(([, count]) => count > 0),
  )
}

/** Everything that is stored, and how much of it, in all galleries. */
export async function compareStored(at: Pick<ComparedGalleries, 'galleries' | 'plain'>): Promise<void> {
  assert.deepEqual(
    (await listGalleries(at.galleries)).map(({ name, count }) => [name, count]),
    [...at.plain].map(([name, plain]) => [name, plain.images.size]).sort(),
  )
  for (const [name, plain] of at.plain) {
    await compareContents(at, name, plain)
    await compareLabels(at, name, plain)
    await compareFields(at, name, plain)
  }
}

export const readingSteps = fc.oneof(
  { weight: 2, arbitrary: list },
  { weight: 2, arbitrary: count },
  listLabel,
  get,
  step('compare all', fc.constant({}), compareStored),
)

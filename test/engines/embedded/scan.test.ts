import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readWholeGallery } from '../../../src/gallery/whole-gallery.js'
import { embeddingOf, model, newImage, putImages, removeImages } from '../../gallery/stored-images.js'
import { dataFolder, index, openIn, settled } from './storage-folder.js'
import { unitVectors } from './vector-index/unit-vectors.js'

const vectors = Array.from({ length: 1_500 }, unitVectors({ dimension: model.dimension, seed: 12 }))
const images = vectors.map((vector, i) =>
  newImage(`p${1_499 - i}`, vector, { label: i % 3 === 0 ? null : `l${i % 3}` }),
)

test('a gallery is read completely, by id, and only that gallery', async (t) => {
  const dataDir = await dataFolder(t)
  const galleries = await openIn(t, dataDir)
  for (const name of ['before', 'a', 'behind']) await galleries.create(name)
  await putImages(galleries.images, 'before', [newImage('x', vectors[0]!)])
  await putImages(galleries.images, 'a', images)
  await putImages(galleries.images, 'behind', [newImage('y', vectors[1]!)])
  await removeImages(galleries.images, 'a', ['p700'])

  const { source, neighbours } = await galleries.images.scan('a')
  let pages = 0
  const whole = await readWholeGallery(source, { vectors: true, descriptors: false, onPage: () => void pages++ })
  const expected = images.filter(({ id }) => id !== 'p700').sort((a, b) => (a.id < b.id ? -1 : 1))
  assert.deepEqual(
    whole.ids,
    expected.map(({ id }) => id),
  )
  assert.deepEqual(
    whole.labels,
    expected.map(({ label }) => label),
  )
  assert.deepEqual(
    whole.contentHashes,
    expected.map(({ contentHash }) => contentHash),
  )
  const nearest = await neighbours({ numbers: whole.numbers.slice(0, 2), k: 3 })
  const { hits } = await galleries.searches.search('a', { vector: expected[0]!.vector, k: 4 })
  assert.deepEqual(
    [...nearest.numbers.subarray(0, 3)].map((number) => whole.ids[whole.numbers.indexOf(number)]),
    hits.slice(1).map(({ record }) => record.id),
    'neighbours are identified by the numbers in the pages',
  )
  expected.forEach(({ vector }, i) => assert.deepEqual(whole.vectors.subarray(i * 32, (i + 1) * 32), vector))
  assert.equal(pages, 4)

  const withoutVectors = await readWholeGallery(source, { vectors: false, descriptors: false, onPage: () => {} })
  assert.deepEqual([withoutVectors.ids.length, withoutVectors.vectors.length], [1_499, 0])
  const stop = new Error('stop')
  await assert.rejects(
    () =>
      readWholeGallery(source, {
        vectors: true,
        descriptors: false,
        onPage: () => {
          throw stop
        },
      }),
    stop,
  )
})

test('an empty gallery is read as empty', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  assert.deepEqual(
    (
      await readWholeGallery((await galleries.images.scan('a')).source, {
        vectors: true,
        descriptors: true,
        onPage: () => {},
      })
    ).ids,
    [],
  )
})

test('neighbours as for a query are those that the query finds, and no fewer', async (t) => {
  const sparse = { ...index, ef: 4, m: 4, efConstruction: 10 }
  const galleries = await openIn(t, await dataFolder(t), { index: sparse })
  await galleries.create('a')
  await putImages(galleries.images, 'a', images)
  await settled(galleries)
  const { source, neighbours } = await galleries.images.scan('a')
  const whole = await readWholeGallery(source, { vectors: false, descriptors: false, onPage: () => {} })
  for (const ef of [undefined, 40])
    for (let place = 0; place < 1_400; place += 35) {
      const numbers = whole.numbers.slice(place, place + 1)
      const found = await neighbours({ numbers, k: 10, ef, asForQuery: true })
      const id = whole.ids[place]!
      const vector = (await embeddingOf(galleries, 'a', id))!
      const { hits, method } = await galleries.searches.search('a', { vector, k: 11, ef })
      assert.equal(method, 'hnsw')
      assert.deepEqual(
        [...found.scores],
        hits.filter(({ record }) => record.id !== id).map(({ score }) => Math.fround(score)),
      )
    }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Galleries } from '../../../src/gallery/galleries.js'
import type { GallerySearch } from '../../../src/gallery/gallery-search.js'
import { model, newImage, putImages } from '../../gallery/stored-images.js'
import { dataFolder, openIn } from './storage-folder.js'
import { unitVectors } from './vector-index/unit-vectors.js'

const count = 120
const vectors = Array.from({ length: count }, unitVectors({ dimension: model.dimension, seed: 12 }))
const images = vectors.map((vector, i) => newImage(`p${i}`, vector, { label: i % 2 === 0 ? 'even' : 'odd' }))

/** Stores all pictures again, a few at a time, until the work is done. */
async function whileReplacing(galleries: Galleries, work: () => Promise<void>): Promise<void> {
  let isDone = false
  const replacing = async () => {
    while (!isDone)
      for (let begin = 0; begin < count; begin += 40)
        await putImages(galleries.images, 'a', images.slice(begin, begin + 40))
  }
  const working = work().finally(() => {
    isDone = true
  })
  await Promise.all([working, replacing()])
}

test('pictures are found while they are replaced', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  await putImages(galleries.images, 'a', images)
  const boosts = [{ filter: { field: 'label', in: ['odd'] }, weight: 0.1 }]
  const rows: [Partial<GallerySearch>, number][] = [
    [{}, count],
    [{ filter: { field: 'label', in: ['even'] } }, count / 2],
    [{ boosts }, count],
  ]
  await whileReplacing(galleries, async () => {
    for (const [i, vector] of vectors.slice(0, 40).entries()) {
      const [terms, expected] = rows[i % rows.length]!
      const { hits } = await galleries.searches.search('a', { vector, k: count, ...terms })
      assert.equal(new Set(hits.map(({ record }) => record.id)).size, expected, JSON.stringify(terms))
      assert.equal(hits.length, expected)
      const paged = await galleries.searches.firstPage('a', { vector, k: 50, caller: 'someone', reach: count })
      assert.equal(paged.hits.length, 50)
    }
  })
})

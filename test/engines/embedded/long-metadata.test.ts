import assert from 'node:assert/strict'
import { test } from 'node:test'
import { model, newImage, putImages } from '../../gallery/stored-images.js'
import { dataFolder, openIn } from './storage-folder.js'
import { unitVectors } from './vector-index/unit-vectors.js'

test('hits with metadata of any length are found, in order and in their groups', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  const vectors = Array.from({ length: 30 }, unitVectors({ dimension: model.dimension, seed: 5 }))
  const text = (i: number) => (i % 7 === 3 ? 'long'.repeat(10_000) : 'short')
  await putImages(
    galleries.images,
    'a',
    vectors.map((vector, i) => newImage(`p${i}`, vector, { metadata: { text: text(i), third: i % 3 } })),
  )
  const { hits } = await galleries.searches.search('a', { vector: vectors[3]!, k: 30 })
  assert.equal(hits[0]!.record.id, 'p3')
  assert.deepEqual(hits.map(({ record }) => record.id).sort(), vectors.map((_, i) => `p${i}`).sort())
  assert.deepEqual(
    hits.map(({ score }) => score),
    hits.map(({ score }) => score).sort((a, b) => b - a),
  )
  for (const { record } of hits) {
    const { text: stored } = JSON.parse(JSON.stringify(record.metadata)) as { text: string }
    assert.equal(stored, text(Number(record.id.slice(1))))
  }
  const groupBy = { field: 'metadata.third', size: 10 }
  const { groups } = await galleries.searches.search('a', { vector: vectors[3]!, k: 3, groupBy })
  assert.deepEqual(groups!.map(({ key, hits }) => [key, hits.length]).sort(), [
    [0, 10],
    [1, 10],
    [2, 10],
  ])
})

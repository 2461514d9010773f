/** Hits of searches that the server answers with faults. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Found } from '../../../src/engines/weaviate/image-object.js'
import { RankedHits } from '../../../src/engines/weaviate/nearest-hits.js'
import type { SearchedImages } from '../../../src/engines/weaviate/searched-images.js'

const found = (id: string, distance: number): Found => ({
  uuid: `uuid of ${id}`,
  properties: { imageId: id, contentHash: id, modelId: 'm', thumbnailBytes: 0, stamp: 1 },
  vector: [1 - distance, Math.sqrt(1 - (1 - distance) ** 2)],
  distance,
})

const [a, b, c] = [found('a', 0.1), found('b', 0.2), found('c', 0.3)]

async function idsOfHits(count: number, answered: Found[], minScore?: number): Promise<string[]> {
  const images = {
    count,
    isSmall: true,
    isIndexed: true,
    near: async () => answered,
    async *all() {
      yield [a, b, c]
    },
    fits: () => true,
  } as unknown as SearchedImages
  const hits = await new RankedHits(images, { vector: Float32Array.of(1, 0), minScore }, 1, []).first(10)
  return hits.map(({ record }) => record.id)
}

test('a picture that the server finds twice is one hit', async () => {
  assert.deepEqual(await idsOfHits(2, [a, b, b]), ['a', 'b'])
})

test('a picture that the server finds twice does not hide one that it does not find', async () => {
  assert.deepEqual(await idsOfHits(3, [a, a, b]), ['a', 'b', 'c'])
})

test('in a small set, a picture that the server does not find is found even if farther ones end the list', async () => {
  assert.deepEqual(await idsOfHits(3, [a, c], 0.75), ['a', 'b'])
})

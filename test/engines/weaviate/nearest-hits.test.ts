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

test('a picture that the server finds twice is one hit', async () => {
  const images = {
    count: 2,
    isSmall: true,
    isIndexed: true,
    near: async () => [found('a', 0.1), found('b', 0.2), found('b', 0.2)],
    fits: () => true,
  } as unknown as SearchedImages
  const hits = await new RankedHits(images, { vector: Float32Array.of(1, 0) }, 1, []).first(10)
  assert.deepEqual(
    hits.map(({ record }) => record.id),
    ['a', 'b'],
  )
})

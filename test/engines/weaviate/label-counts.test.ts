import assert from 'node:assert/strict'
import { test } from 'node:test'
import { valueToken } from '../../../src/engines/weaviate/filter-tokens.js'
import { firstWordOf } from '../../../src/engines/weaviate/id-words.js'
import type { ImageCollection } from '../../../src/engines/weaviate/image-collection.js'
import { labelCounts } from '../../../src/engines/weaviate/label-counts.js'

test('labels follow one whose last picture is removed while they are counted', async () => {
  const labels = ['a', 'b', 'c', 'd']
  let asked = 0
  const collection = {
    // a picture for each label that is still unknown
    sorted: async () =>
      labels.slice(asked++).map((label) => ({ properties: { label, labelWord: firstWordOf(label) } })),
    count: async ({ value }: { value: unknown }) =>
      Array.isArray(value) && !value.includes(valueToken('label', 'a')) ? 1 : 0,
  } as unknown as ImageCollection
  assert.deepEqual(await labelCounts(collection, { limit: 3 }), [
    { label: 'b', count: 1 },
    { label: 'c', count: 1 },
    { label: 'd', count: 1 },
  ])
})

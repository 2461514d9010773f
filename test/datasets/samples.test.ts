import assert from 'node:assert/strict'
import { test } from 'node:test'
import { spreadEvenly, spreadOverLabels } from '../../src/datasets/samples.js'
import { seededRandom } from '../../src/eval/random.js'

const images = ['cat', 'dog', 'owl'].flatMap((label, i) =>
  Array.from({ length: [60, 30, 10][i]! }, (_, place) => ({ label, id: `${label}/${place}` })),
)

test('items at equal distances reach from one end to the other', () => {
  assert.deepEqual(spreadEvenly([1, 2, 3], 150), [1, 2, 3])
  const chosen = spreadEvenly(
    Array.from({ length: 1890 }, (_, i) => i),
    150,
  )
  assert.deepEqual([chosen.length, new Set(chosen).size, chosen[0], chosen[149]], [150, 150, 0, 1877])
})

test('a sample has as large a share of each label as all pictures, and depends on the seed alone', () => {
  const sample = (seed: number) => spreadOverLabels(images, 20, seededRandom(seed))
  const count = (wanted: string) => sample(1).filter(({ label }) => label === wanted).length
  assert.deepEqual([count('cat'), count('dog'), count('owl')], [12, 6, 2])
  assert.equal(new Set(sample(1)).size, 20)
  assert.deepEqual(sample(1), sample(1))
  assert.notDeepEqual(sample(1), sample(2))
  assert.equal(spreadOverLabels(images, 1_000, seededRandom(1)).length, images.length)
})

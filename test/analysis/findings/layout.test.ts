import assert from 'node:assert/strict'
import { test } from 'node:test'
import { layOut } from '../../../src/analysis/findings/layout.js'
import { principalComponents } from '../../../src/analysis/findings/principal-components.js'
import { seededRandom } from '../../../src/eval/random.js'

const dimension = 12
const random = seededRandom(3)
const noise = () => (random() - 0.5) * 0.1

/** Three clusters far apart, with `each` images in each. */
function clusters(each: number) {
  const rows = Array.from({ length: 3 * each }, (_, i) =>
    Array.from({ length: dimension }, (_, d) => (d === i % 3 ? 1 : 0) + noise()),
  )
  return {
    ids: rows.map((_, i) => `p${i}`),
    labels: rows.map((_, i): string | null => `cluster ${i % 3}`),
    contentHashes: rows.map((_, i) => `${i}`),
    vectors: Float32Array.from(rows.flat()),
    dimension,
  }
}

const quiet = { onExpect() {}, onStep() {}, onPause() {} }
const options = { sample: 1_000, neighbours: 10, seed: 1, ...quiet }
const distance = (c: Float32Array, a: number, b: number) =>
  Math.hypot(c[2 * a]! - c[2 * b]!, c[2 * a + 1]! - c[2 * b + 1]!)

for (const [name, sample] of [
  ['all of them by UMAP', 1_000],
  ['most of them among their nearest of a sample', 60],
] as const) {
  test(`clusters stay together and separate from each other, ${name}`, () => {
    const images = clusters(100)
    const { coordinates, sampled } = layOut(images, { ...options, sample })
    assert.equal(sampled, Math.min(300, sample))
    assert.ok(coordinates.every((value) => Math.abs(value) <= 1 + 1e-6))
    assert.ok(Math.abs(Math.max(...coordinates) - 1) < 1e-5 || Math.abs(Math.min(...coordinates) + 1) < 1e-5)
    // the nearest other of nearly every image is in its cluster
    const nearest = images.ids.map((_, a) =>
      images.ids.reduce(
        (best, _, b) =>
          b !== a && (best === -1 || distance(coordinates, a, b) < distance(coordinates, a, best)) ? b : best,
        -1,
      ),
    )
    const right = nearest.filter((b, a) => a % 3 === b % 3).length
    assert.ok(right >= 294, `${right} of 300`)
    assert.deepEqual(layOut(images, { ...options, sample }).coordinates, coordinates, 'the same seed, the same layout')
  })
}

test('a label that the neighbours do not share is doubted; for pictures without a label the doubt is unknown', () => {
  const images = clusters(30)
  images.labels[0] = 'cluster 1'
  images.labels[1] = null
  const { doubts } = layOut(images, options)
  assert.deepEqual([doubts[0], doubts[1], doubts[2]], [1, NaN, 0])
})

for (const count of [0, 1, 2, 5, 8, 11, 12]) {
  test(`a gallery of ${count} can be laid out`, () => {
    const all = clusters(4)
    const images = {
      ...all,
      ids: all.ids.slice(0, count),
      labels: all.labels.slice(0, count),
      vectors: all.vectors.slice(0, count * dimension),
    }
    const { coordinates, neighbours } = layOut(images, options)
    assert.equal(coordinates.length, 2 * count)
    assert.ok(coordinates.every(Number.isFinite))
    assert.ok(neighbours >= 0)
  })
}

test('pictures with equal embeddings can be laid out', () => {
  const images = clusters(10)
  const first = images.vectors.slice(0, dimension)
  images.ids.forEach((_, i) => images.vectors.set(first, i * dimension))
  assert.ok(layOut(images, options).coordinates.every(Number.isFinite))
})

test('progress adds up to the expected total, and throwing in a step ends it', () => {
  let [expected, done] = [0, 0]
  const images = clusters(20)
  layOut(images, { ...options, onExpect: (steps) => void (expected += steps), onStep: () => void done++ })
  assert.equal(done, expected)
  const stop = () => {
    throw new Error('stopped')
  }
  assert.throws(() => layOut(images, { ...options, onPause: stop }), /stopped/)
  assert.throws(() => layOut(images, { ...options, onStep: stop }), /stopped/)
})

test('principal components are the directions of largest variance, largest first', () => {
  const rows = Array.from({ length: 500 }, () => {
    const [wide, narrow] = [random() - 0.5, (random() - 0.5) * 0.3]
    return [0.6 * wide, 0.8 * wide, narrow, 5]
  })
  const components = principalComponents(
    { vectors: Float32Array.from(rows.flat()), dimension: 4 },
    { wanted: 2, seed: 1, onStep: () => {} },
  )
  const spread = (component: number) => {
    const values = rows.map((_, i) => components[2 * i + component]!)
    return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
  }
  assert.ok(Math.abs(spread(0) - 1 / Math.sqrt(12)) < 0.03 && Math.abs(spread(1) - 0.3 / Math.sqrt(12)) < 0.02)
})

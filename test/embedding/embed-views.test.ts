import assert from 'node:assert/strict'
import { test } from 'node:test'
import { embedViews, meanDirection } from '../../src/embedding/embed-views.js'
import { openEmbedder } from '../../src/embedding/pooled-embedder.js'
import { createMetrics } from '../../src/metrics/metrics.js'
import { handmadeModel } from '../support/handmade-onnx.js'

test('the embedding of several views is the direction of their mean', async (t) => {
  const logger = { info: () => {}, warn: () => {}, error: () => {} }
  const embedder = await openEmbedder({
    model: await handmadeModel(t),
    provider: 'cpu',
    requireCuda: false,
    workers: 1,
    maxBatch: 8,
    maxQueue: 100,
    logger,
    metrics: createMetrics().embedding,
  })
  t.after(() => embedder.close())
  const [right, up] = [
    [200, 0],
    [0, 10],
  ].map((start) => {
    const pixels = new Uint8Array(8 * 8 * 3)
    pixels.set(start)
    return pixels
  }) as [Uint8Array, Uint8Array]

  const { vector, logits, batchSize } = await embedViews(embedder, [right, up])
  assert.deepEqual(
    [...vector].map((value) => +value.toFixed(4)),
    [Math.SQRT1_2, Math.SQRT1_2, 0, 0, 0, 0].map((value) => +value.toFixed(4)),
  )
  assert.deepEqual([...logits], [100, 5, 0, 0])
  assert.ok(batchSize >= 1)
  assert.deepEqual((await embedViews(embedder, [up])).vector, (await embedder.embed(up)).vector)
})

test('views that cancel out fall back to the first one', () => {
  const first = Float32Array.of(1, 0)
  assert.deepEqual(meanDirection([first, Float32Array.of(-1, 0)]), first)
})

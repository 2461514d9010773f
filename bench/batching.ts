/**
 * Do batches pay off? Embeds the same pictures with the real embedder and growing batch sizes, alternating, and prints
 * each throughput relative to batch size 1 in the same round.
 *
 *     npx node dist/bench/batching.js [--model onnx/har-resnet50] [--pictures 64] [--rounds 12] [--workers 1]
 */

import { parseArgs } from 'node:util'
import type { Embedder } from '../src/embedding/embedder.js'
import { readModel } from '../src/embedding/model-manifest.js'
import { openEmbedder } from '../src/embedding/pooled-embedder.js'
import { median } from '../src/eval/median.js'
import { createMetrics } from '../src/metrics/metrics.js'
import { table } from './report.js'

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'onnx/har-resnet50' },
    pictures: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '12' },
    workers: { type: 'string', default: '1' },
  },
})
const images = Number(values.pictures)
const silent = { info: () => {}, warn: () => {}, error: () => {} }
const sizes = [1, 2, 4, 8]

const model = await readModel(values.model)
const pixels = Uint8Array.from({ length: model.manifest.preprocessing.inputSize ** 2 * 3 }, (_, i) => (i * 31) % 256)
const embedders = await Promise.all(
  sizes.map((maxBatch) =>
    openEmbedder({
      model,
      provider: 'auto',
      requireCuda: false,
      workers: Number(values.workers),
      maxBatch,
      maxQueue: images,
      logger: silent,
      metrics: createMetrics().embedding,
    }),
  ),
)

/** [round][size] pictures per second */
const rates: number[][] = []
for (let round = 0; round < Number(values.rounds); round++) {
  const rate: number[] = []
  for (const embedder of embedders) rate.push(await measure(embedder))
  rates.push(rate)
}
await Promise.all(embedders.map((embedder) => embedder.close()))

const { provider, precision, workers } = embedders[0]!.runtime
console.log(
  `${model.manifest.name}, ${precision} on ${provider}, ${workers} worker(s), median of ${rates.length} rounds of ${images} pictures.\n`,
)
const rows = sizes.map((size, at) => {
  const perSecond = median(rates.map((rate) => rate[at]!))
  const ratio = median(rates.map((rate) => rate[at]! / rate[0]!))
  return [`≤ ${size}`, perSecond.toFixed(0), `${ratio.toFixed(2)} ×`]
})
console.log(table(['batch', 'pictures/s', 'relative to batch size 1'], rows))

async function measure(embedder: Embedder): Promise<number> {
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: images }, () => embedder.embed(pixels, { priority: 'bulk' })))
  return (images / (performance.now() - startedAt)) * 1000
}

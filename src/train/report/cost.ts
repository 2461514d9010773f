/** Measures the cost per picture: decode and embed, singly and in batches, on one thread. */

import { cpus } from 'node:os'
import { bytesOf } from '../../datasets/image-bytes.js'
import { spreadEvenly } from '../../datasets/samples.js'
import type { SplitImage } from '../../datasets/split.js'
import type { Model } from '../../embedding/model-manifest.js'
import { median } from '../../eval/median.js'
import { prepareImage } from '../../image/prepare.js'
import type { OnnxSession } from '../onnx/onnx-session.js'

export interface Cost {
  /** Medians over the pictures, milliseconds per picture. */
  decodeMs: number
  embedMs: number
  /** In batches of eight. */
  embedInBatchMs: number
  picturesMeasured: number
  threads: 1
  cpu: string
  fileBytes: Record<string, number>
}

const batchSize = 8
const maxMeasured = 64

/** Measures a sample of the pictures, spread over all of them. @param session opened with one thread */
export async function measureCost(model: Model, session: OnnxSession, all: readonly SplitImage[]): Promise<Cost> {
  const images = spreadEvenly(all, maxMeasured)
  const { preprocessing, files } = model.manifest
  const size = preprocessing.inputSize
  const times = { decode: [] as number[], embed: [] as number[], batch: [] as number[] }
  const prepared: Uint8Array[] = []
  for (const image of images) {
    const { pixels, durationMs } = await prepareImage(await bytesOf(image), { preprocessing, maxPixels: 100e6 })
    times.decode.push(durationMs)
    prepared.push(pixels)
    times.embed.push(await timed(() => session.run(pixels, size)))
  }
  for (let start = 0; start + batchSize <= prepared.length; start += batchSize) {
    const batch = Buffer.concat(prepared.slice(start, start + batchSize))
    times.batch.push((await timed(() => session.run(batch, size))) / batchSize)
  }
  return {
    decodeMs: median(times.decode),
    embedMs: median(times.embed),
    embedInBatchMs: median(times.batch.length > 0 ? times.batch : times.embed),
    picturesMeasured: images.length,
    threads: 1,
    cpu: cpus()[0]?.model ?? 'unknown',
    fileBytes: Object.fromEntries(Object.entries(files).map(([precision, { bytes }]) => [precision, bytes])),
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

/** Decoding and inference alone, which every picture costs however it is ingested: the reference for ingestion. */
import { availableParallelism } from 'node:os'
import pMap from 'p-map'
import { pino } from 'pino'
import type { Model } from '../src/embedding/model-manifest.js'
import { openEmbedder } from '../src/embedding/pooled-embedder.js'
import { decodersWanted, openDecoders } from '../src/image/decoders.js'
import { createMetrics } from '../src/metrics/metrics.js'
import type { BenchImage } from './drawn-gallery.js'

/** Longer side of thumbnails in pixels: the service's default. */
export const thumbnailSide = 192

/** Pictures per second with all cores busy. */
export async function bareIntake(
  images: readonly BenchImage[],
  model: Model,
  { thumbnail }: { thumbnail: boolean },
): Promise<number> {
  const { preprocessing } = model.manifest
  const embedder = await openEmbedder({
    model,
    provider: 'auto',
    requireCuda: false,
    workers: 0,
    maxBatch: 0,
    maxQueue: 64,
    logger: pino({ level: 'silent' }),
    metrics: createMetrics().embedding,
  })
  const decoders = await openDecoders({
    ...decodersWanted({ decoderProcesses: 'auto', decodeConcurrency: 0 }, availableParallelism()),
    memoryMaxBytes: 640 * 2 ** 20,
    logger: pino({ level: 'silent' }),
  })
  const started = performance.now()
  await pMap(
    images,
    async ({ bytes }) => {
      const { pixels } = await decoders.prepare(bytes, {
        preprocessing,
        maxPixels: 1e8,
        ...(thumbnail && { thumbnail: { maxSide: thumbnailSide } }),
      })
      await embedder.embed(pixels)
    },
    { concurrency: 2 * availableParallelism() },
  )
  const perSecond = (images.length / (performance.now() - started)) * 1000
  await decoders.close()
  await embedder.close()
  return perSecond
}

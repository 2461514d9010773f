/**
 * Fills a feature file: runs pictures through the frozen trunk, chunk by chunk, continuing where the last run stopped.
 */
import { createHash } from 'node:crypto'
import * as tf from '@tensorflow/tfjs-core'
import type { SplitImage } from '../../datasets/split.js'
import { seededRandom } from '../../eval/random.js'
import type { ImageLoader } from '../loader/image-loader.js'
import type { Augmentation, BatchRequest } from '../loader/loader-protocol.js'
import { normalised } from '../loader/normalise.js'
import { inPieces, microBatchHere } from '../models/pieces.js'
import type { StagedNetwork } from '../models/staged-network.js'
import { FeatureFile, type MapShape, rowsDone } from './feature-file.js'

/** One view of every picture. View 0 is the serving view, the others are random crops. */
export interface View {
  index: number
  seed: number
  augmentation: Augmentation
}

export interface BuildFeaturesOptions {
  path: string
  network: StagedNetwork
  /** SHA-256 of the trunk's weights file. */
  weightsSha256: string
  loader: ImageLoader
  images: readonly SplitImage[]
  /** Indices into `images`, in the order of the rows. */
  indices: readonly number[]
  view: View
  log: (line: string) => void
  stop: AbortSignal
}

const chunkSize = 30
const syncEveryChunks = 10

/** @returns the complete file, or null if stopped early; finished rows are kept. */
export async function buildFeatures(options: BuildFeaturesOptions): Promise<FeatureFile | null> {
  const { path, network, loader, indices, view, log, stop } = options
  const shape = mapShapeOf(network)
  const fingerprint = fingerprintOf(options)
  let done = await rowsDone(path, fingerprint, shape)
  const file = await FeatureFile.open(path, fingerprint, shape)
  if (done === indices.length) return file

  const [started, first] = [performance.now(), done]
  let chunk = 0
  for await (const pixels of loader.stream(requestsOf(options, done))) {
    const maps = mapsOf(pixels, network)
    await file.write(done, maps.dataSync() as Float32Array)
    done += maps.shape[0]!
    maps.dispose()
    if (++chunk % syncEveryChunks !== 0 && done < indices.length && !stop.aborted) continue
    await file.sync(done)
    const secondsEach = (performance.now() - started) / 1000 / (done - first)
    log(
      `  view ${view.index}: ${done}/${indices.length} maps, ${(1 / secondsEach).toFixed(1)} pictures/s, ${Math.ceil((secondsEach * (indices.length - done)) / 60)} min left`,
    )
    if (stop.aborted) break
  }
  if (done === indices.length) return file
  await file.close()
  return null
}

/** [H, W, C] of the trunk's output. */
function mapShapeOf({ trunk, preprocessing: { inputSize } }: StagedNetwork): MapShape {
  const [, ...shape] = trunk.computeOutputShape([1, inputSize, inputSize, 3]) as number[]
  return shape as unknown as MapShape
}

/** The pictures from row `first` on, in chunks. */
function requestsOf({ network, indices, view }: BuildFeaturesOptions, first: number): BatchRequest[] {
  const chunks = Array.from({ length: Math.ceil((indices.length - first) / chunkSize) }, (_, chunk) =>
    indices.slice(first + chunk * chunkSize, first + (chunk + 1) * chunkSize),
  )
  return chunks.map((chunk) => ({
    images: chunk,
    preprocessing: network.preprocessing,
    ...(view.index > 0 && {
      augmentation: { ...view.augmentation, seeds: chunk.map((image) => seedOf(view, image)) },
    }),
  }))
}

function mapsOf(pixels: Uint8Array, { trunk, preprocessing }: StagedNetwork): tf.Tensor {
  return tf.tidy(() => {
    const input = normalised(pixels, preprocessing.inputSize, preprocessing)
    return inPieces(input, microBatchHere(), (rows) => [trunk.apply(rows, { training: false }) as tf.Tensor])[0]
  })
}

function seedOf({ seed, index }: View, image: number): number {
  return Math.floor(seededRandom(seed * 7_368_787 + index * 104_729 + image)() * 2 ** 32)
}

/** A hash over weights, pixel path, pictures and view. */
function fingerprintOf({ weightsSha256, network, images, indices, view }: BuildFeaturesOptions): string {
  const facts = [
    weightsSha256,
    network.preprocessing,
    indices.map((index) => images[index]!.id),
    view.index === 0 ? 'serving' : view,
  ]
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex')
}

/**
 * Fills a feature file: runs pictures through frozen networks, chunk by chunk, continuing where the last run stopped.
 */
import { createHash } from 'node:crypto'
import type * as tf from '@tensorflow/tfjs-core'
import { bytesOf } from '../../datasets/image-bytes.js'
import type { SplitImage } from '../../datasets/split.js'
import { seededRandom } from '../../eval/random.js'
import type { Preprocessing } from '../../image/preprocessing.js'
import type { ImageLoader } from '../loader/image-loader.js'
import type { Augmentation, BatchRequest } from '../loader/loader-protocol.js'
import { durationOf } from '../progress.js'
import { FeatureFile, type MapShape } from './feature-file.js'

/** One view of every picture. View 0 is the serving view, the others are random crops. */
export interface View {
  index: number
  seed: number
  augmentation: Augmentation
  /** Whether every picture gets the edits that pictures undergo in the wild; not in the serving view. */
  wild?: true | undefined
}

/** What computes a row from each picture. */
export interface RowMaker {
  /** Identifies its weights. */
  weights: string
  /** Of the pictures that it takes. */
  preprocessing: Preprocessing
  /** Of a row. */
  shape: MapShape
  /** @param pixels uint8 [N, S, S, 3] @returns N rows */
  rows(pixels: Uint8Array): tf.Tensor | Promise<tf.Tensor>
}

export interface BuildFeaturesOptions {
  path: string
  maker: RowMaker
  loader: ImageLoader
  /** Of the data, for the log. */
  part: 'train' | 'val'
  /** Indices into the pictures of the loader, in the order of the rows. */
  indices: readonly number[]
  /** Identifies them, see `picturesHash`. */
  pictures: string
  view: View
  log: (line: string) => void
  stop: AbortSignal
}

const chunkSize = 30
const syncEveryChunks = 10

/** @returns the complete file, or null if stopped early; finished rows are kept. */
export async function buildFeatures(options: BuildFeaturesOptions): Promise<FeatureFile | null> {
  const { path, maker } = options
  const file = await FeatureFile.open(path, fingerprintOf(options), maker.shape)
  let isComplete = false
  try {
    isComplete = await fill(file, options)
    return isComplete ? file : null
  } finally {
    if (!isComplete) await file.close()
  }
}

/** Writes the rows that are not done. @returns false if stopped early */
async function fill(file: FeatureFile, options: BuildFeaturesOptions): Promise<boolean> {
  const { maker, loader, part, indices, view, log, stop } = options
  const first = file.done
  const started = performance.now()
  let [done, chunk] = [first, 0]
  for await (const pixels of loader.stream(requestsOf(options, first))) {
    const rows = await maker.rows(pixels)
    await file.write(done, rows.dataSync() as Float32Array)
    done += rows.shape[0]!
    rows.dispose()
    if (++chunk % syncEveryChunks !== 0 && done < indices.length && !stop.aborted) continue
    await file.sync(done)
    const secondsEach = (performance.now() - started) / 1000 / (done - first)
    log(
      `  view ${view.index} of ${part}: ${done}/${indices.length} pictures, ${(1 / secondsEach).toFixed(1)} pictures/s, ${durationOf(secondsEach * (indices.length - done))} left`,
    )
    if (stop.aborted) break
  }
  return done === indices.length
}

/** The pictures from row `first` on, in chunks. */
function requestsOf({ maker, indices, view }: BuildFeaturesOptions, first: number): BatchRequest[] {
  const starts = Array.from(
    { length: Math.ceil((indices.length - first) / chunkSize) },
    (_, i) => first + i * chunkSize,
  )
  return starts.map((start) => {
    const images = indices.slice(start, start + chunkSize)
    const seeds = images.map((_, i) => viewSeed(view, start + i))
    const wild = images.map(() => view.wild === true)
    return {
      images,
      preprocessing: maker.preprocessing,
      ...(view.index > 0 && { augmentation: { ...view.augmentation, seeds, wild } }),
    }
  })
}

/** @param row of the picture: its place in the data would change with the pictures of other parts */
export function viewSeed({ seed, index }: Pick<View, 'seed' | 'index'>, row: number): number {
  return Math.floor(seededRandom(seed * 7_368_787 + index * 104_729 + row)() * 2 ** 32)
}

/** A hash over weights, pixel path, pictures and view. */
function fingerprintOf({ maker, pictures, view }: BuildFeaturesOptions): string {
  const facts = [maker.weights, maker.preprocessing, pictures, view.index === 0 ? 'serving' : view]
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex')
}

/**
 * SHA-256 over the bytes of the pictures in their order, hex: ids are the same in another version of the data.
 * @param indices into `images`
 */
export async function picturesHash(images: readonly SplitImage[], indices: readonly number[]): Promise<string> {
  const all = createHash('sha256')
  for (let start = 0; start < indices.length; start += chunkSize) {
    const chunk = await Promise.all(indices.slice(start, start + chunkSize).map((index) => bytesOf(images[index]!)))
    for (const bytes of chunk) all.update(createHash('sha256').update(bytes).digest())
  }
  return all.digest('hex')
}

/** Cached feature maps of a data set: every view of the train part, and the serving view of val. */
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { buildFeatures, picturesHash, type RowMaker } from '../feature-cache/build-features.js'
import type { FeatureFile, MapShape } from '../feature-cache/feature-file.js'
import type { ImageLoader } from '../loader/image-loader.js'
import { networkInput } from '../models/network.js'
import { inPieces, microBatchHere } from '../models/pieces.js'
import type { StagedNetwork } from '../models/staged-network.js'
import type { ConvolutionPrecision } from '../native/bfloat16-convolutions.js'
import { makeFolder } from '../run-folder.js'
import type { TrainingData } from '../training-data.js'
import type { BatchMember } from './plan.js'
import type { FineTuneSettings } from './settings.js'

export interface CachedMaps {
  /** [N, H, W, C] for the members of a batch. */
  batch(members: readonly Pick<BatchMember, 'member' | 'view' | 'mirrored'>[]): Promise<tf.Tensor4D>
  /** Maps of `count` val pictures from `start` on. */
  val(start: number, count: number): Promise<tf.Tensor4D>
  close(): Promise<void>
}

export interface CachedMapsOptions {
  /** Its trunk has its starting weights. */
  network: StagedNetwork
  weightsSha256: string
  /** Precision of its convolutions; runs of another precision do not share the maps. */
  compute: ConvolutionPrecision
  data: TrainingData
  settings: FineTuneSettings
  loader: ImageLoader
  log: (line: string) => void
  stop: AbortSignal
}

/** Builds missing maps. @returns null if stopped early */
export async function cachedMaps(options: CachedMapsOptions): Promise<CachedMaps | null> {
  const { data, settings } = options
  const { cache, views } = settings
  await makeFolder(cache)
  const pictures = {
    train: await picturesHash(data.images, data.train),
    val: await picturesHash(data.images, data.val),
  }
  const files: FeatureFile[] = []
  for (const [part, view] of [
    ['val', 0],
    ...Array.from({ length: views }, (_, index) => ['train', index] as const),
  ] as const) {
    const file = await buildView(part, view, pictures[part], options)
    if (file === null) {
      await Promise.all(files.map((built) => built.close()))
      return null
    }
    files.push(file)
  }
  const [val, ...train] = files as [FeatureFile, ...FeatureFile[]]
  return {
    batch: (members) =>
      readMaps(
        members.map(({ member, view, mirrored }) => ({ file: train[view]!, row: member, mirrored })),
        val,
      ),
    val: (start, count) =>
      readMaps(
        Array.from({ length: count }, (_, offset) => ({ file: val, row: start + offset, mirrored: false })),
        val,
      ),
    close: async () => {
      await Promise.all(files.map((file) => file.close()))
    },
  }
}

function buildView(
  part: 'train' | 'val',
  index: number,
  pictures: string,
  options: CachedMapsOptions,
): Promise<FeatureFile | null> {
  const { network, weightsSha256, compute, data, settings, loader, log, stop } = options
  const {
    cache,
    seed,
    augmentation: { minScale, colourJitter },
  } = settings
  const isFloat32 = compute === 'float32' || network.encoder !== undefined
  return buildFeatures({
    path: join(cache, `${network.architecture}-${part}-view${index}.f16`),
    maker: trunkOf(network, isFloat32 ? weightsSha256 : `${weightsSha256} in ${compute}`),
    loader,
    part,
    indices: data[part],
    pictures,
    view: {
      index,
      seed,
      augmentation: { minScale, colourJitter },
      // the only phase of an imported network, which must learn here what `all` shows the others
      ...(network.encoder && { wild: true }),
    },
    log,
    stop,
  })
}

/** @param weights SHA-256 of the trunk's weights file, and the precision unless it is float32 */
function trunkOf(network: StagedNetwork, weights: string): RowMaker {
  const { encoder, trunk, preprocessing } = network
  if (encoder !== undefined)
    return { weights, preprocessing, shape: [1, 1, encoder.dimension], rows: (pixels) => encoder.rows(pixels) }
  const { inputSize } = preprocessing
  const [, ...shape] = trunk.computeOutputShape([1, inputSize, inputSize, 3]) as number[]
  const rows = async (pixels: Uint8Array) => {
    const input = await networkInput(network, pixels)
    const maps = tf.tidy(
      () => inPieces(input, microBatchHere(), (piece) => [trunk.apply(piece, { training: false }) as tf.Tensor])[0],
    )
    input.dispose()
    return maps
  }
  return { weights, preprocessing, shape: shape as unknown as MapShape, rows }
}

interface MapRow {
  file: FeatureFile
  row: number
  mirrored: boolean
}

/** The maps of all files have the same shape, so any of them tells it. */
async function readMaps(rows: readonly MapRow[], { size, shape }: FeatureFile): Promise<tf.Tensor4D> {
  const values = new Float32Array(rows.length * size)
  await Promise.all(rows.map(({ file, row, mirrored }, position) => file.read(row, mirrored, values, position * size)))
  return tf.tensor4d(values, [rows.length, ...shape])
}

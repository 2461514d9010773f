/** The baseline: a plain convolutional network, trained from scratch. */
import { initializers, input, layers, model, type SymbolicTensor } from '@tensorflow/tfjs-layers'
import type { Preprocessing } from '../../embedding/model-manifest.js'
import { BatchNormalization } from './batch-normalization.js'
import { CosineClassifier, L2Normalize, pixelConvolution } from './layers.js'
import type { TrainableNetwork } from './network.js'

export interface SimpleCnnOptions {
  name: string
  labels: string[]
  preprocessing: Preprocessing
  seed: number
  /** Channels per block; each block halves the side, the first one twice because it has stride 2. */
  widths?: readonly number[]
  /** Convolutions in each block after the first. */
  depth?: number
  embeddingDimension?: number
  /** Logit = scale × cosine. */
  scale?: number
  /** Share of batch-norm's old statistics kept in each step. */
  normMomentum?: number
  /** False accepts any square, for training on smaller ones first. */
  fixedSize?: boolean
}

/**
 * At 128×128, with the default widths: 400 million multiply-adds and 2.7 million weights.
 *   stem    5×5/2  128 → 64, max-pool → 32   [N, 32, 32, 48]
 *   block 2 3×3 ×2, max-pool                 [N, 16, 16, 96]
 *   block 3 3×3 ×2, max-pool                 [N, 8, 8, 192]
 *   block 4 3×3 ×2                           [N, 8, 8, 384]
 *   mean → 384 → dense 128 → batch-norm → unit length → cosine to each class
 */
export function simpleCnn(options: SimpleCnnOptions): TrainableNetwork {
  const {
    name,
    labels,
    preprocessing,
    seed,
    widths = [48, 96, 192, 384],
    depth = 2,
    embeddingDimension = 128,
    scale = 8,
    normMomentum = 0.97,
    fixedSize = true,
  } = options
  let seeded = 0
  const building = { nextSeed: () => seed * 1000 + seeded++, momentum: normMomentum }
  const side = fixedSize ? preprocessing.inputSize : null
  const pixels = input({ name: 'pixels', shape: [side, side, 3] })
  const pooled = layers.globalAveragePooling2d({ name: 'mean' }).apply(blocks(pixels, { widths, depth }, building))
  const embedding = embed(pooled as SymbolicTensor, embeddingDimension, building)
  const classifier = new CosineClassifier({ name: 'logits', units: labels.length, scale, seed: building.nextSeed() })
  const logits = classifier.apply(embedding) as SymbolicTensor
  return {
    name,
    architecture: 'simple-cnn',
    model: model({ name: 'simple_cnn', inputs: pixels, outputs: [embedding, logits] }),
    preprocessing,
    embeddingDimension,
    instanceDimension: 0,
    labels,
  }
}

interface Building {
  /** Every initialiser has its own. */
  nextSeed: () => number
  /** Of batch-norm. */
  momentum: number
}

/** The stem, which halves the side twice, and the blocks after it. */
function blocks(
  pixels: SymbolicTensor,
  { widths, depth }: { widths: readonly number[]; depth: number },
  building: Building,
): SymbolicTensor {
  const [stem = 32, ...further] = widths
  const ofPixels = { layer: pixelConvolution, filters: stem, kernelSize: 5, strides: 2 }
  let x = pool(convolution(pixels, 'block1', ofPixels, building), 'block1')
  for (const [index, width] of further.entries()) {
    const block = `block${index + 2}`
    for (let conv = 1; conv <= depth; conv++)
      x = convolution(x, `${block}_${conv}`, { filters: width, kernelSize: 3, strides: 1 }, building)
    if (index < further.length - 1) x = pool(x, block)
  }
  return x
}

interface ConvolutionShape {
  filters: number
  kernelSize: number
  strides: number
  /** Default: that of tfjs. */
  layer?: typeof layers.conv2d
}

function convolution(
  x: SymbolicTensor,
  label: string,
  { layer = layers.conv2d, ...shape }: ConvolutionShape,
  { nextSeed, momentum }: Building,
): SymbolicTensor {
  const kernelInitializer = initializers.heNormal({ seed: nextSeed() })
  const filtered = layer({ name: `${label}_conv`, ...shape, padding: 'same', useBias: false, kernelInitializer }).apply(
    x,
  ) as SymbolicTensor
  const normed = new BatchNormalization({ name: `${label}_norm`, momentum }).apply(filtered) as SymbolicTensor
  return layers.activation({ name: `${label}_relu`, activation: 'relu' }).apply(normed) as SymbolicTensor
}

function pool(x: SymbolicTensor, label: string): SymbolicTensor {
  return layers
    .maxPooling2d({ name: `${label}_pool`, poolSize: 2, strides: 2, padding: 'same' })
    .apply(x) as SymbolicTensor
}

function embed(x: SymbolicTensor, units: number, { nextSeed, momentum }: Building): SymbolicTensor {
  const kernelInitializer = initializers.glorotNormal({ seed: nextSeed() })
  const dense = layers.dense({ name: 'embed', units, useBias: false, kernelInitializer }).apply(x) as SymbolicTensor
  const normed = new BatchNormalization({ name: 'embed_norm', momentum }).apply(dense) as SymbolicTensor
  return new L2Normalize({ name: 'embedding' }).apply(normed) as SymbolicTensor
}

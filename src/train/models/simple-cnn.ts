/** The baseline: a plain convolutional network, trained from nothing. */
import { initializers, input, layers, model, type SymbolicTensor } from '@tensorflow/tfjs-layers'
import type { Preprocessing } from '../../embedding/model-manifest.js'
import { BatchNormalization } from './batch-normalization.js'
import { CosineClassifier, L2Normalize } from './layers.js'
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
 * At 128×128, with the default widths: 180 million multiply-adds and 1.2 million weights.
 *   stem    5×5/2  128 → 64, max-pool → 32   [N, 32, 32, 32]
 *   block 2 3×3 ×2, max-pool                 [N, 16, 16, 64]
 *   block 3 3×3 ×2, max-pool                 [N, 8, 8, 128]
 *   block 4 3×3 ×2                           [N, 8, 8, 256]
 *   mean → 256 → dense 128 → batch-norm → unit length → cosine to each class
 */
export function simpleCnn(options: SimpleCnnOptions): TrainableNetwork {
  const {
    name,
    labels,
    preprocessing,
    seed,
    widths = [32, 64, 128, 256],
    depth = 2,
    embeddingDimension = 128,
    scale = 8,
    normMomentum = 0.97,
    fixedSize = true,
  } = options
  const seeds = (function* () {
    for (let next = seed * 1000; ; next++) yield next
  })()
  const nextSeed = (): number => seeds.next().value as number

  const convolution = (
    x: SymbolicTensor,
    label: string,
    { filters, kernelSize, strides }: { filters: number; kernelSize: number; strides: number },
  ): SymbolicTensor => {
    const kernelInitializer = initializers.heNormal({ seed: nextSeed() })
    let y = layers
      .conv2d({
        name: `${label}_conv`,
        filters,
        kernelSize,
        strides,
        padding: 'same',
        useBias: false,
        kernelInitializer,
      })
      .apply(x)
    y = new BatchNormalization({ name: `${label}_norm`, momentum: normMomentum }).apply(y as SymbolicTensor)
    return layers.activation({ name: `${label}_relu`, activation: 'relu' }).apply(y as SymbolicTensor) as SymbolicTensor
  }
  const pool = (x: SymbolicTensor, label: string): SymbolicTensor =>
    layers.maxPooling2d({ name: `${label}_pool`, poolSize: 2, strides: 2, padding: 'same' }).apply(x) as SymbolicTensor

  const side = fixedSize ? preprocessing.inputSize : null
  const pixels = input({ name: 'pixels', shape: [side, side, 3] })
  const [stem = 32, ...further] = widths
  let x = pool(convolution(pixels, 'block1', { filters: stem, kernelSize: 5, strides: 2 }), 'block1')
  for (const [index, width] of further.entries()) {
    const block = `block${index + 2}`
    for (let conv = 1; conv <= depth; conv++)
      x = convolution(x, `${block}_${conv}`, { filters: width, kernelSize: 3, strides: 1 })
    if (index < further.length - 1) x = pool(x, block)
  }
  x = layers.globalAveragePooling2d({ name: 'mean' }).apply(x) as SymbolicTensor
  const dense = layers.dense({
    name: 'embed',
    units: embeddingDimension,
    useBias: false,
    kernelInitializer: initializers.glorotNormal({ seed: nextSeed() }),
  })
  x = new BatchNormalization({ name: 'embed_norm', momentum: normMomentum }).apply(
    dense.apply(x) as SymbolicTensor,
  ) as SymbolicTensor
  const embedding = new L2Normalize({ name: 'embedding' }).apply(x) as SymbolicTensor
  const logits = new CosineClassifier({ name: 'logits', units: labels.length, scale, seed: nextSeed() }).apply(
    embedding,
  ) as SymbolicTensor
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

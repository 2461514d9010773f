/** EfficientNet-Lite0 (Tan and Le 2019; Google 2020): no squeeze-and-excitation, ReLU6, TensorFlow's `same` padding. */
import { input, layers, model, type SymbolicTensor } from '@tensorflow/tfjs-layers'
import type { Preprocessing } from '../../embedding/model-manifest.js'
import { BatchNormalization } from './batch-normalization.js'
import { headLayers, type RetrievalHeadSettings, retrievalHead } from './retrieval-head.js'
import type { StagedNetwork } from './staged-network.js'

export const lite0Preprocessing: Preprocessing = {
  inputSize: 224,
  fit: 'cover',
  resizeShortSide: 232,
  kernel: 'cubic',
  mean: [127, 127, 127],
  std: [128, 128, 128],
}

export const lite0NormEpsilon = 1e-3

export interface Lite0Block {
  kernel: number
  stride: number
  /** Ratio of the inner to the input channels. */
  expand: number
  inputs: number
  outputs: number
}

/** Repeats, kernel, stride of the first block, expand, input and output channels. */
const stages = [
  [1, 3, 1, 1, 32, 16],
  [2, 3, 2, 6, 16, 24],
  [2, 5, 2, 6, 24, 40],
  [3, 3, 2, 6, 40, 80],
  [3, 5, 1, 6, 80, 112],
  [4, 5, 2, 6, 112, 192],
  [1, 3, 1, 6, 192, 320],
] as const

/** The 16 blocks in order. */
export function lite0Blocks(): Lite0Block[] {
  return stages.flatMap(([repeat, kernel, stride, expand, inputs, outputs]) =>
    Array.from({ length: repeat }, (_, index) => ({
      kernel,
      stride: index === 0 ? stride : 1,
      expand,
      inputs: index === 0 ? inputs : outputs,
      outputs,
    })),
  )
}

/** Blocks in the trunk, whose output map is [N, 14, 14, 112]. */
const trunkBlocks = 11

export interface EfficientNetOptions {
  name: string
  labels: string[]
  preprocessing: Preprocessing
  head: RetrievalHeadSettings
  seed: number
  /** False accepts any square, for training on smaller ones. */
  fixedSize?: boolean
}

type Apply = (x: SymbolicTensor) => SymbolicTensor

/** At 224×224: stem 112, blocks to [N, 7, 7, 320], top [N, 7, 7, 1280], head. */
export function efficientNetLite0({
  name,
  labels,
  preprocessing,
  head,
  seed,
  fixedSize = true,
}: EfficientNetOptions): StagedNetwork {
  const stem = convolution(
    'stem',
    layers.conv2d({
      name: 'stem.conv',
      filters: 32,
      kernelSize: 3,
      strides: 2,
      padding: 'same',
      useBias: false,
      kernelInitializer: 'zeros',
    }),
    true,
  )
  const blocks = lite0Blocks().map((block, index) => invertedResidual(`block${index}`, block))
  const top = convolution('top', pointwise('top', 1280), true)
  const headOf = retrievalHead({ ...head, classes: labels.length, seed })
  const trunkOf: Apply = (x) => blocks.slice(0, trunkBlocks).reduce((value, apply) => apply(value), stem(x))
  const tailOf = (map: SymbolicTensor) =>
    headOf(top(blocks.slice(trunkBlocks).reduce((value, apply) => apply(value), map)), map)

  const side = fixedSize ? preprocessing.inputSize : null
  const pixels = input({ name: 'pixels', shape: [side, side, 3] })
  const middle = trunkOf(pixels)
  const map = input({ name: 'block10', shape: middle.shape.slice(1) })
  return {
    name,
    architecture: 'efficientnet-lite0',
    model: model({ name: 'efficientnet_lite0', inputs: pixels, outputs: tailOf(middle) }),
    trunk: model({ name: 'efficientnet_lite0_trunk', inputs: pixels, outputs: middle }),
    tail: model({ name: 'efficientnet_lite0_tail', inputs: map, outputs: tailOf(map) }),
    preprocessing,
    embeddingDimension: head.embeddingDimension,
    instanceDimension: head.instanceDimension,
    labels,
    isHead: (layer) => (headLayers as readonly string[]).includes(layer),
  }
}

/** 1×1 expansion, depthwise convolution, 1×1 projection; adds the input if the shapes agree. */
function invertedResidual(name: string, { kernel, stride, expand, inputs, outputs }: Lite0Block): Apply {
  const chain: Apply[] = []
  if (expand !== 1) chain.push(convolution(`${name}.expand`, pointwise(`${name}.expand`, inputs * expand), true))
  const depthwise = layers.depthwiseConv2d({
    name: `${name}.depthwise.conv`,
    kernelSize: kernel,
    strides: stride,
    padding: 'same',
    useBias: false,
    depthwiseInitializer: 'zeros',
  })
  chain.push(
    convolution(`${name}.depthwise`, depthwise, true),
    convolution(`${name}.project`, pointwise(`${name}.project`, outputs), false),
  )
  const sum = stride === 1 && inputs === outputs ? layers.add({ name: `${name}.sum` }) : undefined
  return (x) => {
    const value = chain.reduce((inner, apply) => apply(inner), x)
    return sum === undefined ? value : (sum.apply([x, value]) as SymbolicTensor)
  }
}

function pointwise(name: string, filters: number) {
  return layers.conv2d({ name: `${name}.conv`, filters, kernelSize: 1, useBias: false, kernelInitializer: 'zeros' })
}

function convolution(name: string, layer: InstanceType<typeof layers.Layer>, active: boolean): Apply {
  const norm = new BatchNormalization({ name: `${name}.norm`, epsilon: lite0NormEpsilon, momentum: 0.97 })
  const relu = active ? [layers.reLU({ name: `${name}.relu`, maxValue: 6 })] : []
  return (x) => [layer, norm, ...relu].reduce((value, step) => step.apply(value) as SymbolicTensor, x)
}

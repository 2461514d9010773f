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

const normEpsilon = 1e-3

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
  /** Without batch-norm, which is then part of the convolutions, as in an exported file. */
  folded?: boolean | undefined
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
  folded = false,
  fixedSize = true,
}: EfficientNetOptions): StagedNetwork {
  const stem = convolution('stem', { folded, isActive: true }, (settings) =>
    layers.conv2d({ ...settings, filters: 32, kernelSize: 3, strides: 2, kernelInitializer: 'zeros' }),
  )
  const blocks = lite0Blocks().map((block, index) => invertedResidual(`block${index}`, block, folded))
  const top = pointwise('top', 1280, { folded, isActive: true })
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
function invertedResidual(
  name: string,
  { kernel, stride, expand, inputs, outputs }: Lite0Block,
  folded: boolean,
): Apply {
  const chain: Apply[] = []
  if (expand !== 1) chain.push(pointwise(`${name}.expand`, inputs * expand, { folded, isActive: true }))
  chain.push(
    convolution(`${name}.depthwise`, { folded, isActive: true }, (settings) =>
      layers.depthwiseConv2d({ ...settings, kernelSize: kernel, strides: stride, depthwiseInitializer: 'zeros' }),
    ),
    pointwise(`${name}.project`, outputs, { folded, isActive: false }),
  )
  const sum = stride === 1 && inputs === outputs ? layers.add({ name: `${name}.sum` }) : undefined
  return (x) => {
    const value = chain.reduce((inner, apply) => apply(inner), x)
    return sum === undefined ? value : (sum.apply([x, value]) as SymbolicTensor)
  }
}

interface Finish {
  folded: boolean
  /** Whether a ReLU6 follows. */
  isActive: boolean
}

function pointwise(name: string, filters: number, finish: Finish): Apply {
  return convolution(name, finish, (settings) =>
    layers.conv2d({ ...settings, filters, kernelSize: 1, kernelInitializer: 'zeros' }),
  )
}

interface ConvolutionSettings {
  name: string
  padding: 'same'
  useBias: boolean
}

/** A convolution, its norm unless that is folded into it, and its ReLU6. */
function convolution(
  name: string,
  { folded, isActive }: Finish,
  create: (settings: ConvolutionSettings) => InstanceType<typeof layers.Layer>,
): Apply {
  const chain = [
    create({ name: `${name}.conv`, padding: 'same', useBias: folded }),
    ...(folded ? [] : [new BatchNormalization({ name: `${name}.norm`, epsilon: normEpsilon, momentum: 0.97 })]),
    ...(isActive ? [layers.reLU({ name: `${name}.relu`, maxValue: 6 })] : []),
  ]
  return (x) => chain.reduce((value, step) => step.apply(value) as SymbolicTensor, x)
}

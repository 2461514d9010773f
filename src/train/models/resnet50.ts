/**
 * ResNet-50 (He et al. 2016), with batch-norm folded into the convolutions, in the variants of the publicly available
 * weights.
 */
import { input, layers, model, type SymbolicTensor } from '@tensorflow/tfjs-layers'
import type { Preprocessing } from '../../embedding/model-manifest.js'
import { headLayers, type RetrievalHeadSettings, retrievalHead } from './retrieval-head.js'
import type { StagedNetwork } from './staged-network.js'

/** Differences between the published versions of the network. */
export interface ResNetVariant {
  /** Which convolution of a block halves the side: the first 1×1 (v1: Caffe, Keras) or the 3×3 (v1.5: torchvision). */
  stride: 'first' | 'middle'
  /** Zero padding around the input of the max-pool; its inputs come from a ReLU, so zeros work as well as −∞. */
  poolPad: 'all-around' | 'end'
  /**
   * Channels of the stem and of the first stage; the other stages have multiples of the latter. Both are 64 except in
   * narrow networks.
   */
  stem: number
  width: number
}

export interface ResNetOptions {
  name: string
  labels: string[]
  preprocessing: Preprocessing
  variant: ResNetVariant
  head: RetrievalHeadSettings
  seed: number
  /** False accepts any square, for training on smaller ones. */
  fixedSize?: boolean
  /** Blocks per stage; fewer only in tests. */
  blocks?: readonly number[]
}

type Apply = (x: SymbolicTensor) => SymbolicTensor

/**
 * At 224×224:
 *   conv1   7×7/2 112, max-pool 56          [N, 56, 56, 64]
 *   layer1  3 blocks                        [N, 56, 56, 256]
 *   layer2  4 blocks                        [N, 28, 28, 512]
 *   layer3  6 blocks  (conv4: end of trunk) [N, 14, 14, 1024]
 *   layer4  3 blocks  (conv5)               [N, 7, 7, 2048]
 * A layer's name is that of torchvision's; every convolution has a kernel and a bias.
 */
export function resnet50({
  name,
  labels,
  preprocessing,
  variant,
  head,
  seed,
  fixedSize = true,
  blocks = [3, 4, 6, 3],
}: ResNetOptions): StagedNetwork {
  const stages = blocks.map((count, index) =>
    stage(`layer${index + 1}`, count, { width: variant.width * 2 ** index, stride: index === 0 ? 1 : 2 }, variant),
  )
  const [conv5, ...earlier] = stages.reverse()
  const first = stem(variant)
  const trunkOf: Apply = (x) => earlier.reduceRight((value, apply) => apply(value), first(x))
  const headOf = retrievalHead({ ...head, classes: labels.length, seed })
  const tailOf = (map: SymbolicTensor) => headOf(conv5!(map), map)

  const side = fixedSize ? preprocessing.inputSize : null
  const pixels = input({ name: 'pixels', shape: [side, side, 3] })
  const middle = trunkOf(pixels)
  const map = input({ name: 'conv4', shape: middle.shape.slice(1) })
  return {
    name,
    architecture: 'resnet50',
    model: model({ name: 'resnet50', inputs: pixels, outputs: tailOf(middle) }),
    trunk: model({ name: 'resnet50_trunk', inputs: pixels, outputs: middle }),
    tail: model({ name: 'resnet50_tail', inputs: map, outputs: tailOf(map) }),
    preprocessing,
    embeddingDimension: head.embeddingDimension,
    instanceDimension: head.instanceDimension,
    labels,
    isHead: (layer) => (headLayers as readonly string[]).includes(layer),
  }
}

function stem({ poolPad, stem: filters }: ResNetVariant): Apply {
  const chain = [
    layers.zeroPadding2d({ name: 'conv1.pad', padding: 3 }),
    layers.conv2d({
      name: 'conv1',
      filters,
      kernelSize: 7,
      strides: 2,
      activation: 'relu',
      kernelInitializer: 'zeros',
    }),
    layers.zeroPadding2d({
      name: 'maxpool.pad',
      padding:
        poolPad === 'end'
          ? [
              [0, 1],
              [0, 1],
            ]
          : 1,
    }),
    layers.maxPooling2d({ name: 'maxpool', poolSize: 3, strides: 2 }),
  ]
  return (x) => chain.reduce((value, layer) => layer.apply(value) as SymbolicTensor, x)
}

interface StageShape {
  width: number
  /** Of its first block. */
  stride: number
}

function stage(name: string, count: number, { width, stride }: StageShape, variant: ResNetVariant): Apply {
  const chain = Array.from({ length: count }, (_, index) => {
    const isFirst = index === 0
    return bottleneck(`${name}.${index}`, { width, stride: isFirst ? stride : 1, projected: isFirst }, variant)
  })
  return (x) => chain.reduce((value, apply) => apply(value), x)
}

/**
 * 1×1, 3×3, and 1×1 to four times the channels, plus the shortcut; ReLU after the first two convolutions and after the
 * sum.
 */
function bottleneck(
  name: string,
  { width, stride, projected }: StageShape & { projected: boolean },
  variant: ResNetVariant,
): Apply {
  const [first, middle] = variant.stride === 'first' ? [stride, 1] : [1, stride]
  // symmetric padding: TensorFlow's `same` would shift the windows of a 3×3 with stride 2
  const pad = middle === 1 ? [] : [layers.zeroPadding2d({ name: `${name}.pad`, padding: 1 })]
  const chain = [
    convolution(`${name}.conv1`, width, { strides: first, activation: 'relu' }),
    ...pad,
    convolution(`${name}.conv2`, width, {
      kernelSize: 3,
      strides: middle,
      activation: 'relu',
      padding: middle === 1 ? 'same' : 'valid',
    }),
    convolution(`${name}.conv3`, 4 * width, {}),
  ]
  const shortcut = projected ? convolution(`${name}.downsample.0`, 4 * width, { strides: stride }) : undefined
  const sum = layers.add({ name: `${name}.sum` })
  const relu = layers.activation({ name: `${name}.relu`, activation: 'relu' })
  return (x) => {
    const value = chain.reduce((inner, layer) => layer.apply(inner) as SymbolicTensor, x)
    const straight = shortcut === undefined ? x : (shortcut.apply(x) as SymbolicTensor)
    return relu.apply(sum.apply([value, straight]) as SymbolicTensor) as SymbolicTensor
  }
}

interface ConvolutionOptions {
  kernelSize?: number
  strides?: number
  activation?: 'relu' | 'linear'
  padding?: 'same' | 'valid'
}

function convolution(
  name: string,
  filters: number,
  { kernelSize = 1, strides = 1, activation = 'linear', padding = 'valid' }: ConvolutionOptions,
) {
  return layers.conv2d({ name, filters, kernelSize, strides, padding, activation, kernelInitializer: 'zeros' })
}

/** Mean and deviation expected by torchvision's weights and ours. */
export const imagenetPreprocessing: Preprocessing = {
  inputSize: 224,
  fit: 'cover',
  resizeShortSide: 232,
  kernel: 'linear',
  mean: [0.485, 0.456, 0.406].map((value) => value * 255),
  std: [0.229, 0.224, 0.225].map((value) => value * 255),
}

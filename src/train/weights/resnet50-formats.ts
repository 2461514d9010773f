/** The common releases of ResNet-50: folded, torchvision's, Keras'. */
import { imagenetPreprocessing } from '../models/resnet50.js'
import type { NamedTensor } from '../safetensors.js'
import { foldedBatchNorm, kernelFromChannelsFirst, tensorOf, transposed, withRedFirst } from './tensor-layout.js'
import type { LayerWeights, TensorsByName, WeightFormat } from './weight-format.js'

/** Names of the convolutions, as in torchvision: conv1, layer1.0.conv1 … layer4.2.conv3, layerN.0.downsample.0. */
function convolutionNames(): string[] {
  const blocks = [3, 4, 6, 3].flatMap((count, stage) =>
    Array.from({ length: count }, (_, block) => [stage + 1, block] as const),
  )
  return [
    'conv1',
    ...blocks.flatMap(([stage, block]) =>
      [...(block === 0 ? ['downsample.0'] : []), 'conv1', 'conv2', 'conv3'].map(
        (part) => `layer${stage}.${block}.${part}`,
      ),
    ),
  ]
}

/** @param read returns the weights of the convolution with this name */
export function layersFrom(read: (name: string) => NamedTensor[]): LayerWeights {
  return new Map(convolutionNames().map((name) => [name, read(name)]))
}

/** The network's widths, derived from the kernels. */
export function widthsOf(layers: LayerWeights): { stem: number; width: number } {
  const outputs = (name: string) => layers.get(name)![1]!.values.length
  return { stem: outputs('conv1'), width: outputs('layer1.0.conv1') }
}

function torchClassifier(tensors: TensorsByName): { classifier?: [NamedTensor, NamedTensor] } {
  return tensors.has('fc.weight')
    ? { classifier: [transposed(tensorOf(tensors, 'fc.weight')), tensorOf(tensors, 'fc.bias')] }
    : {}
}

export const foldedResNet50: WeightFormat = {
  architecture: 'resnet50',
  description: 'ResNet-50 v1 with batch-norm folded into its convolutions (safetensors)',
  recognises: (tensors) => tensors.has('layer1.0.conv1.bias') && tensors.has('layer4.2.conv3.bias'),
  read: (tensors) => {
    const layers = layersFrom((name) => [
      kernelFromChannelsFirst(tensorOf(tensors, `${name}.weight`)),
      tensorOf(tensors, `${name}.bias`),
    ])
    return {
      layers,
      ...torchClassifier(tensors),
      preprocessing: imagenetPreprocessing,
      resnet: { stride: 'first', poolPad: 'end', ...widthsOf(layers) },
    }
  },
}

/** conv1 → bn1, layer1.0.conv2 → layer1.0.bn2, layer1.0.downsample.0 → layer1.0.downsample.1. */
const torchNormOf = (name: string): string =>
  name.endsWith('downsample.0') ? name.replace(/0$/, '1') : name.replace(/conv(\d)$/, 'bn$1')

export const torchvisionResNet50: WeightFormat = {
  architecture: 'resnet50',
  description: "torchvision's ResNet-50 with batch-norm, stride in the 3×3 (safetensors)",
  recognises: (tensors) => tensors.has('layer1.0.bn1.running_mean') && tensors.has('layer4.2.conv3.weight'),
  read: (tensors) => {
    const layers = layersFrom((name) => {
      const norm = torchNormOf(name)
      const [gamma, beta, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map((part) =>
        tensorOf(tensors, `${norm}.${part}`),
      ) as [NamedTensor, NamedTensor, NamedTensor, NamedTensor]
      return foldedBatchNorm(kernelFromChannelsFirst(tensorOf(tensors, `${name}.weight`)), undefined, {
        gamma,
        beta,
        mean,
        variance,
        epsilon: 1e-5,
      })
    })
    return {
      layers,
      ...torchClassifier(tensors),
      preprocessing: imagenetPreprocessing,
      resnet: { stride: 'middle', poolPad: 'all-around', ...widthsOf(layers) },
    }
  },
}

/** conv1 → conv1_*, layer1.0.conv2 → conv2_block1_2_*, layer1.0.downsample.0 → conv2_block1_0_*. */
function kerasName(name: string, kind: 'conv' | 'bn'): string {
  const found = /^layer(\d)\.(\d)\.(?:conv(\d)|downsample\.0)$/.exec(name)
  if (found === null) return `conv1_${kind}`
  const [, stage, block, part = '0'] = found
  return `conv${Number(stage) + 1}_block${Number(block) + 1}_${part}_${kind}`
}

/** Its pictures are B, G, R with means subtracted and no scaling; the first kernel is reversed instead. */
const kerasPreprocessing = { ...imagenetPreprocessing, mean: [123.68, 116.779, 103.939], std: [1, 1, 1] }

/** The classification layer has had two names. */
const kerasClassifiers = ['predictions', 'probs']

export const kerasResNet50: WeightFormat = {
  architecture: 'resnet50',
  description: "Keras' ResNet-50, with or without top (.h5)",
  recognises: (tensors) => tensors.has('conv2_block1_1_conv.kernel') && tensors.has('conv5_block3_3_bn.gamma'),
  read: (tensors) => {
    const layers = layersFrom((name) => {
      const [conv, norm] = [kerasName(name, 'conv'), kerasName(name, 'bn')]
      const [gamma, beta, mean, variance] = ['gamma', 'beta', 'moving_mean', 'moving_variance'].map((part) =>
        tensorOf(tensors, `${norm}.${part}`),
      ) as [NamedTensor, NamedTensor, NamedTensor, NamedTensor]
      return foldedBatchNorm(tensorOf(tensors, `${conv}.kernel`), tensors.get(`${conv}.bias`), {
        gamma,
        beta,
        mean,
        variance,
        epsilon: 1.001e-5,
      })
    })
    const [first, bias] = layers.get('conv1')! as [NamedTensor, NamedTensor]
    layers.set('conv1', [withRedFirst(first), bias])
    const top = kerasClassifiers.find((name) => tensors.has(`${name}.kernel`))
    return {
      layers,
      ...(top !== undefined && {
        classifier: [tensorOf(tensors, `${top}.kernel`), tensorOf(tensors, `${top}.bias`)] as [
          NamedTensor,
          NamedTensor,
        ],
      }),
      preprocessing: kerasPreprocessing,
      resnet: { stride: 'first', poolPad: 'all-around', ...widthsOf(layers) },
    }
  },
}

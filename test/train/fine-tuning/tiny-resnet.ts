/** The real structure, with one block per stage, few channels, and random weights. */
import * as tf from '@tensorflow/tfjs-core'
import { type ResNetVariant, resnet50 } from '../../../src/train/models/resnet50.js'
import type { StagedNetwork } from '../../../src/train/models/staged-network.js'

export function tinyResNet({
  variant = { stride: 'first', poolPad: 'end', stem: 4, width: 4 },
  pooling = 'average',
  instanceDimension = 0,
  inputSize = 32,
}: {
  variant?: ResNetVariant
  pooling?: 'average' | 'gem'
  instanceDimension?: number
  inputSize?: number
} = {}): StagedNetwork {
  const network = resnet50({
    name: 'tiny',
    labels: ['a', 'b', 'c'],
    preprocessing: {
      inputSize,
      fit: 'cover',
      resizeShortSide: inputSize,
      kernel: 'linear',
      mean: [120, 110, 100],
      std: [60, 61, 62],
    },
    variant,
    head: { pooling, embeddingDimension: 8, scale: 8, instanceDimension },
    seed: 1,
    blocks: [1, 1, 1, 1],
  })
  for (const [index, layer] of network.model.layers.entries()) {
    if (layer.getClassName() !== 'Conv2D') continue
    layer.setWeights(
      layer
        .getWeights()
        .map((weight, i) =>
          tf.randomNormal(
            weight.shape,
            0,
            i === 0 ? Math.sqrt(2 / (weight.size / weight.shape.at(-1)!)) : 0.1,
            'float32',
            index * 2 + i + 1,
          ),
        ),
    )
  }
  return network
}

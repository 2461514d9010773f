/** Small networks with random weights, including batch-norm statistics, for tests of the export. */
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { seededRandom } from '../../../src/eval/random.js'
import { CosineClassifier, L2Normalize } from '../../../src/train/models/layers.js'
import type { TrainableNetwork } from '../../../src/train/models/network.js'

export const inputSize = 23
const embeddingDimension = 6
const labels = ['a', 'b', 'c']

type Tensor = tfl.SymbolicTensor

/** @param body from the input map to a vector or to a map, which is pooled */
export async function randomNetwork(
  body: (input: Tensor) => Tensor,
  options: { normalised?: boolean } = {},
): Promise<TrainableNetwork> {
  await tf.setBackend('cpu')
  const input = tfl.input({ shape: [inputSize, inputSize, 3] })
  const end = body(input)
  const vector = end.shape.length === 2 ? end : (tfl.layers.globalAveragePooling2d({}).apply(end) as Tensor)
  const dense = tfl.layers.dense({ units: embeddingDimension }).apply(vector) as Tensor
  const embedding = options.normalised === false ? dense : (new L2Normalize({}).apply(dense) as Tensor)
  const logits = new CosineClassifier({ units: labels.length, scale: 7 }).apply(embedding) as Tensor
  const model = tfl.model({ inputs: input, outputs: [embedding, logits] })
  randomise(model)
  return {
    name: 'random',
    architecture: 'random',
    model,
    preprocessing: {
      inputSize,
      fit: 'cover',
      resizeShortSide: inputSize,
      kernel: 'linear',
      mean: [120, 110, 100],
      std: [60, 61, 62],
    },
    embeddingDimension,
    instanceDimension: 0,
    labels,
  }
}

/** Randomises every weight: an initial zero bias or unit variance would hide a bug. */
function randomise(model: tfl.LayersModel): void {
  const random = seededRandom(7)
  for (const layer of model.layers) {
    layer.setWeights(
      layer.getWeights().map((weight, i) => {
        const isVariance = layer.getClassName() === 'BatchNormalization' && i === layer.getWeights().length - 1
        const values = Float32Array.from({ length: weight.size }, () =>
          isVariance ? 0.3 + random() : random() * 1.2 - 0.5,
        )
        return tf.tensor(values, weight.shape)
      }),
    )
  }
}

export function randomImages(count = 16): Uint8Array[] {
  const random = seededRandom(3)
  return Array.from({ length: count }, () =>
    Uint8Array.from({ length: inputSize * inputSize * 3 }, () => random() * 256),
  )
}

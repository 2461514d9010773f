/**
 * The large networks in small: every variant of ResNet-50 and EfficientNet-Lite0 with random weights, compared with
 * their export.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { seededRandom } from '../../../src/eval/random.js'
import { chooseBackend } from '../../../src/train/backend.js'
import { efficientNetLite0 } from '../../../src/train/models/efficientnet-lite0.js'
import type { StagedNetwork } from '../../../src/train/models/staged-network.js'
import { convertNetwork } from '../../../src/train/onnx/convert.js'
import { openOnnx } from '../../../src/train/onnx/onnx-session.js'
import { checkParity } from '../../../src/train/onnx/parity.js'
import { tinyResNet } from '../fine-tuning/tiny-resnet.js'

const folder = await mkdtemp(join(tmpdir(), 'alike-staged-'))
after(() => rm(folder, { recursive: true }))
await chooseBackend('wasm')

/** Odd intermediate maps (33 → 17 → 9 → 5 → 3) reveal a window that starts in the wrong place. */
function smallLite0({ folded }: { folded: boolean }): StagedNetwork {
  const network = efficientNetLite0({
    name: 'lite0',
    labels: ['a', 'b', 'c'],
    preprocessing: {
      inputSize: 33,
      fit: 'cover',
      resizeShortSide: 33,
      kernel: 'cubic',
      mean: [127, 127, 127],
      std: [128, 128, 128],
    },
    head: { pooling: 'average', embeddingDimension: 8, scale: 8, instanceDimension: 0 },
    seed: 1,
    folded,
  })
  for (const [index, layer] of network.model.layers.entries()) {
    const isNorm = layer.getClassName() === 'BatchNormalization'
    layer.setWeights(
      layer.getWeights().map((weight, i) => {
        const seed = index * 5 + i
        if (isNorm && i !== 1 && i !== 2) return tf.randomUniform(weight.shape, 0.5, 1.5, 'float32', seed)
        const fan = weight.shape
          .slice(0, layer.getClassName() === 'DepthwiseConv2D' ? 2 : -1)
          .reduce((product, size) => product * size, 1)
        return tf.randomNormal(weight.shape, 0, isNorm ? 0.1 : Math.sqrt(2 / fan), 'float32', seed)
      }),
    )
  }
  return network
}

const networks: [name: string, make: () => StagedNetwork][] = [
  ['ResNet with stride first', () => tinyResNet()],
  [
    'ResNet with stride in the 3×3, as torchvision',
    () => tinyResNet({ variant: { stride: 'middle', poolPad: 'all-around', stem: 4, width: 4 } }),
  ],
  [
    'ResNet as Keras, with generalised-mean pooling',
    () => tinyResNet({ variant: { stride: 'first', poolPad: 'all-around', stem: 4, width: 4 }, pooling: 'gem' }),
  ],
  ['EfficientNet-Lite0', () => smallLite0({ folded: false })],
  ['EfficientNet-Lite0 with its norms folded in', () => smallLite0({ folded: true })],
]
for (const [index, [name, make]] of networks.entries()) {
  test(`${name} computes the same after export`, async () => {
    const network = make()
    const file = join(folder, `${index}.onnx`)
    await writeFile(file, convertNetwork(network))
    const session = await openOnnx(file)
    const random = seededRandom(5)
    const side = network.preprocessing.inputSize
    const images = Array.from({ length: 4 }, () => Uint8Array.from({ length: side * side * 3 }, () => random() * 256))
    const parity = await checkParity(network, session, images)
    assert.ok(parity.passed, JSON.stringify(parity))
    await session.close()
    network.model.dispose()
  })
}

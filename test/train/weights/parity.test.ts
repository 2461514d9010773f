/**
 * Our networks with public weights compared with another framework's outputs; skipped if the weights are not available.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { model as layersModel } from '@tensorflow/tfjs-layers'
import { chooseBackend } from '../../../src/train/backend.js'
import { normalised } from '../../../src/train/loader/normalise.js'
import { startingNetwork } from '../../../src/train/models/starting-network.js'
import { type NamedTensor, parseTensors } from '../../../src/train/safetensors.js'
import { readStartingWeights } from '../../../src/train/weights/starting-weights.js'

/** A folder with starting weights, which are not part of the repository. */
const folder = process.env['ALIKE_WEIGHTS']
const skip =
  folder !== undefined && existsSync(`${folder}/parity/expected.safetensors`)
    ? false
    : 'ALIKE_WEIGHTS names no folder with starting weights: the ports are not checked'

/** Smallest cosine between the rows of two tables. */
function smallestCosine(a: Float32Array, b: Float32Array, rows: number): number {
  const width = a.length / rows
  const dot = (x: Float32Array, y: Float32Array, row: number) =>
    x.subarray(row * width, (row + 1) * width).reduce((sum, value, i) => sum + value * y[row * width + i]!, 0)
  return Math.min(
    ...Array.from({ length: rows }, (_, row) => dot(a, b, row) / Math.sqrt(dot(a, a, row) * dot(b, b, row))),
  )
}

const topThree = (logits: Float32Array): number[] =>
  [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!).slice(0, 3)

for (const [file, name] of [
  ['resnet50-imagenet', 'resnet50'],
  ['efficientnet-lite0-imagenet', 'efficientnet-lite0'],
] as const) {
  test(`${name} with its public weights computes the same as the other framework`, { skip }, async () => {
    await chooseBackend('auto')
    const expected = new Map(
      parseTensors(await readFile(`${folder}/parity/expected.safetensors`)).tensors.map((tensor) => [
        tensor.name,
        tensor,
      ]),
    )
    const wanted = (part: string): NamedTensor => expected.get(`${name}.${part}`)!
    const weights = await readStartingWeights(`${folder}/${file}.safetensors`)
    assert.equal(weights.architecture, name)
    const network = startingNetwork(weights, {
      name: 'parity',
      labels: ['a', 'b'],
      head: { pooling: 'average', embeddingDimension: 8, scale: 8, instanceDimension: 0 },
      seed: 1,
    })

    const pixels = Uint8Array.from(expected.get('resnet50.input_nhwc_u8')!.values)
    const features = layersModel({
      inputs: network.model.inputs,
      outputs: network.model.getLayer('pooled').getOutputAt(0) as never,
    })
    const [kernel, bias] = weights.classifier!
    const [pooled, logits] = tf.tidy(() => {
      const vectors = features.predict(normalised(pixels, 224, network.preprocessing)) as tf.Tensor2D
      const scores = tf.add(
        tf.matMul(vectors, tf.tensor2d(kernel.values, kernel.shape as [number, number])),
        tf.tensor1d(bias.values),
      )
      return [vectors.dataSync() as Float32Array, scores.dataSync() as Float32Array]
    })
    const cosines = [
      smallestCosine(pooled, wanted('pooled').values, 4),
      smallestCosine(logits, wanted('logits').values, 4),
    ]
    for (const cosine of cosines) assert.ok(cosine > 0.99999, `cosines ${cosines.join(', ')}`)
    for (let row = 0; row < 4; row++) {
      assert.deepEqual(
        topThree(logits.subarray(row * 1000, (row + 1) * 1000)),
        topThree(wanted('logits').values.subarray(row * 1000, (row + 1) * 1000)),
      )
    }
    network.model.dispose()
  })
}

/** A network exported here serves as the start of the next one. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { readModel } from '../../../src/embedding/model-manifest.js'
import { chooseBackend } from '../../../src/train/backend.js'
import { startingNetwork } from '../../../src/train/models/starting-network.js'
import { exportModel } from '../../../src/train/onnx/export.js'
import { decodeModel, encodeModel } from '../../../src/train/onnx/onnx-proto.js'
import { toHalfPrecision } from '../../../src/train/onnx/precisions/half-precision.js'
import { writeTensors } from '../../../src/train/safetensors.js'
import { readStartingWeights } from '../../../src/train/weights/starting-weights.js'
import type { StartingWeights } from '../../../src/train/weights/weight-format.js'
import { handmadeModel } from '../../support/handmade-onnx.js'
import { narrowTorchTensors } from '../../support/narrow-resnet-file.js'

const folder = await mkdtemp(join(tmpdir(), 'alike-own-'))
after(() => rm(folder, { recursive: true }))
await chooseBackend('wasm')

const path = join(folder, 'narrow.safetensors')
await writeTensors(path, { tensors: narrowTorchTensors(5), metadata: {} })
const first = await readStartingWeights(path)
const network = startingNetwork(first, {
  name: 'narrow',
  labels: ['a', 'b'],
  head: { pooling: 'average', embeddingDimension: 8, scale: 8, instanceDimension: 0 },
  seed: 1,
})
const parityImages = Array.from({ length: 16 }, (_, i) =>
  new Uint8Array(224 * 224 * 3).map((__, at) => (at * (i + 7)) % 256),
)
const { folder: exported } = await exportModel(network, {
  folder: join(folder, 'narrow'),
  parityImages,
  provenance: {},
  now: new Date(),
})

/** Largest deviation of a weight from the exported one. */
function largestDifference(found: StartingWeights): number {
  assert.deepEqual([...found.layers.keys()], [...first.layers.keys()])
  const differences = [...first.layers].flatMap(([name, tensors]) =>
    tensors.map(({ values, shape }, part) => {
      const other = found.layers.get(name)![part]!
      assert.deepEqual(other.shape, shape)
      return values.reduce((largest, value, i) => Math.max(largest, Math.abs(value - other.values[i]!)), 0)
    }),
  )
  return Math.max(...differences)
}

test('weights, variant and preprocessing are read back from the fp32 file unchanged', async () => {
  const found = await readStartingWeights(exported)
  assert.equal(largestDifference(found), 0)
  assert.deepEqual(
    [found.architecture, found.resnet, found.preprocessing],
    ['resnet50', first.resnet, first.preprocessing],
  )
  assert.match(found.description, /^ResNet-50 of this project, model [0-9a-f]{16}, fp32$/)
  startingNetwork(found, {
    name: 'next',
    labels: ['x', 'y', 'z'],
    head: { pooling: 'gem', embeddingDimension: 4, scale: 8, instanceDimension: 0 },
    seed: 2,
  })
  await assert.rejects(readStartingWeights(exported, 'ab'.repeat(32)), { code: 'weights_unreadable' })
})

test('a folder with only fp16 yields half-precision weights; one with neither is refused', async () => {
  const half = encodeModel(toHalfPrecision(decodeModel(await readFile(join(exported, 'model.onnx')))))
  await writeFile(join(exported, 'model.fp16.onnx'), half)
  await rm(join(exported, 'model.onnx'))
  const { manifest } = await readModel(exported).catch(async () => ({
    manifest: JSON.parse(await readFile(join(exported, 'manifest.json'), 'utf8')),
  }))
  const files = {
    ...manifest.files,
    fp16: { file: 'model.fp16.onnx', sha256: createHash('sha256').update(half).digest('hex'), bytes: half.length },
  }
  await writeFile(join(exported, 'manifest.json'), JSON.stringify({ ...manifest, files }))
  const found = await readStartingWeights(exported)
  assert.deepEqual(found.resnet, first.resnet)
  const difference = largestDifference(found)
  assert.ok(difference > 0 && difference < 2e-3, String(difference))

  const { fp16, ...rest } = files
  await writeFile(join(exported, 'model.int8.onnx'), half)
  await writeFile(
    join(exported, 'manifest.json'),
    JSON.stringify({ ...manifest, files: { ...rest, int8: { ...fp16, file: 'model.int8.onnx' } } }),
  )
  await assert.rejects(readStartingWeights(exported), {
    code: 'weights_unreadable',
    message: /neither its fp32 nor its fp16/,
  })
})

test('an EfficientNet-Lite0 of this project starts without norms: training computes what serving does, at any input size', async () => {
  const found = await readStartingWeights('onnx/har-lite0')
  assert.deepEqual([found.architecture, found.folded], ['efficientnet-lite0', true])
  const { trunk, preprocessing } = startingNetwork(found, {
    name: 'next',
    labels: ['x', 'y'],
    head: { pooling: 'average', embeddingDimension: 4, scale: 8, instanceDimension: 0 },
    seed: 2,
    inputSize: 64,
  })
  assert.deepEqual(preprocessing, { ...found.preprocessing, inputSize: 64, resizeShortSide: 64 })
  const pixels = tf.randomNormal([2, 64, 64, 3], 0, 1, 'float32', 3)
  const [trained, served] = [true, false].map((training) => trunk.apply(pixels, { training }) as tf.Tensor)
  assert.deepEqual(served!.shape, [2, 4, 4, 112])
  assert.ok(tf.max(tf.abs(served!)).dataSync()[0]! > 0.1)
  assert.equal(tf.max(tf.abs(tf.sub(trained!, served!))).dataSync()[0], 0)
})

test('a network of another architecture is refused by name', async (t) => {
  await assert.rejects(readStartingWeights((await handmadeModel(t)).folder), {
    code: 'weights_unreadable',
    message: /has the architecture handmade; only resnet50 and efficientnet-lite0 can be used as starting weights/,
  })
})

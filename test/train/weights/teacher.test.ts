/** A network exported here teaches the next one: loaded whole, it computes the same as its file. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { readModel } from '../../../src/embedding/model-manifest.js'
import { seededRandom } from '../../../src/eval/random.js'
import { chooseBackend } from '../../../src/train/backend.js'
import { asGraph, asLayers, openTeacher } from '../../../src/train/fine-tuning/teacher-network.js'
import { Teachers } from '../../../src/train/fine-tuning/teachers.js'
import { normalised } from '../../../src/train/loader/normalise.js'
import { withJoinedEmbedding } from '../../../src/train/models/joined-embedding.js'
import { forward } from '../../../src/train/models/network.js'
import { startingNetwork } from '../../../src/train/models/starting-network.js'
import { exportModel } from '../../../src/train/onnx/export.js'
import { decodeModel, encodeModel } from '../../../src/train/onnx/onnx-proto.js'
import { openOnnx } from '../../../src/train/onnx/onnx-session.js'
import { toHalfPrecision } from '../../../src/train/onnx/precisions/half-precision.js'
import { writeTensors } from '../../../src/train/safetensors.js'
import { readStartingWeights } from '../../../src/train/weights/starting-weights.js'
import { readTeacher } from '../../../src/train/weights/teacher.js'
import { handmadeModel } from '../../support/handmade-onnx.js'
import { narrowTorchTensors } from '../../support/narrow-resnet-file.js'

const folder = await mkdtemp(join(tmpdir(), 'alike-teacher-'))
after(() => rm(folder, { recursive: true }))
await chooseBackend('wasm')

const side = 224
const labels = ['a', 'b', 'c']
const random = seededRandom(4)
const images = Array.from({ length: 16 }, () => {
  const tone = random() * 200
  return Uint8Array.from({ length: side * side * 3 }, (_, at) => (tone + (at % (side * 3)) * random()) % 256)
})

/** A folder with a network whose head counts as trained for the test's purposes. */
async function exported(name: string, pooling: 'average' | 'gem', share: number, instanceShare = 0): Promise<string> {
  const path = join(folder, `${name}.safetensors`)
  await writeTensors(path, { tensors: narrowTorchTensors(5), metadata: {} })
  const network = startingNetwork(await readStartingWeights(path), {
    name,
    labels,
    head: { pooling, embeddingDimension: 8, scale: 8, instanceDimension: instanceShare > 0 ? 5 : 0 },
    seed: 1,
  })
  const norm = network.model.getLayer('embed_norm')
  norm.setWeights(norm.getWeights().map(({ shape }, i) => tf.randomUniform(shape, 0.5, 2, 'float32', i + 1)))
  const joined = withJoinedEmbedding(network, { posterior: { share, sharpness: 1.5 }, instanceShare })
  await exportModel(joined, { folder: join(folder, name), parityImages: images, provenance: {}, now: new Date() })
  return join(folder, name)
}

/** Smallest cosine of class embeddings and largest difference of logits between the loaded network and its file. */
async function agreement(
  modelFolder: string,
  { teacherFolder = modelFolder, wholeFile = true } = {},
): Promise<{ cosine: number; logits: number }> {
  const teacher = await readTeacher(await readModel(teacherFolder))
  const { manifest } = await readModel(teacherFolder)
  const { embeddingDimension: dimension } = teacher
  const [embedding, classes] = tf.tidy(() =>
    forward(teacher, normalised(Buffer.concat(images), side, manifest.preprocessing), false)
      .slice(0, 2)
      .map((output) => output.dataSync() as Float32Array),
  )
  const session = await openOnnx(join(modelFolder, (wholeFile ? manifest.files.fp32 : manifest.files.fp16!).file))
  const outputs = await session.run(Buffer.concat(images), side)
  await session.close()
  teacher.model.dispose()
  const cosines = images.map((_, row) => {
    const own = embedding!.subarray(row * dimension, (row + 1) * dimension)
    const theirs = outputs.embedding.subarray(
      row * manifest.embeddingDimension,
      row * manifest.embeddingDimension + dimension,
    )
    return own.reduce((sum, value, i) => sum + value * theirs[i]!, 0) / Math.hypot(...own) / Math.hypot(...theirs)
  })
  return {
    cosine: Math.min(...cosines),
    logits: classes!.reduce((largest, value, i) => Math.max(largest, Math.abs(value - outputs.logits[i]!)), 0),
  }
}

for (const [name, pooling, share, instanceShare] of [
  ['plain', 'average', 0, 0],
  ['joined', 'average', 0.4, 0],
  ['generalised', 'gem', 0.3, 0],
  ['whole', 'average', 0.3, 0.2],
] as const) {
  test(`class embedding and logits equal those of the file: ${name}`, async () => {
    const found = await agreement(await exported(name, pooling, share, instanceShare))
    assert.ok(found.cosine > 0.9999 && found.logits < 1e-3, JSON.stringify(found))
  })
}

test('a folder with only fp16 teaches nearly the same', async () => {
  const whole = await exported('whole', 'average', 0.3)
  const halves = await exported('halves', 'average', 0.3)
  const half = encodeModel(toHalfPrecision(decodeModel(await readFile(join(halves, 'model.onnx')))))
  await writeFile(join(halves, 'model.fp16.onnx'), half)
  await rm(join(halves, 'model.onnx'))
  const manifest = JSON.parse(await readFile(join(halves, 'manifest.json'), 'utf8'))
  manifest.files.fp16 = {
    file: 'model.fp16.onnx',
    sha256: createHash('sha256').update(half).digest('hex'),
    bytes: half.length,
  }
  await writeFile(join(halves, 'manifest.json'), JSON.stringify(manifest))
  const found = await agreement(whole, { teacherFolder: halves })
  assert.ok(found.cosine > 0.999 && found.logits < 0.05, JSON.stringify(found))
})

test('an EfficientNet-Lite0 of this project teaches what its file computes, though its norms are folded in', async () => {
  const found = await agreement('onnx/har-lite0', { wholeFile: false })
  assert.ok(found.cosine > 0.999 && found.logits < 0.05, JSON.stringify(found))
})

test('teachers that see a batch in pieces say what they say of the whole', async () => {
  const folders = [await exported('first', 'average', 0.3), await exported('second', 'gem', 0)]
  const pupil = await readTeacher(await readModel(folders[0]!))
  const input = tf.randomNormal<tf.Rank.R4>([7, 64, 64, 3], 0, 1, 'float32', 5)
  const said = async (microBatch: number) => {
    const teachers = await Teachers.read(folders, pupil, microBatch)
    const { posterior, similarity } = await teachers.teach(input)
    await teachers.close()
    return { shapes: [posterior.shape, similarity.shape], values: [...posterior.dataSync(), ...similarity.dataSync()] }
  }
  const [whole, pieces] = [await said(Infinity), await said(3)]
  assert.deepEqual(whole.shapes, [
    [7, labels.length],
    [7, 7],
  ])
  assert.deepEqual(pieces.shapes, whole.shapes)
  const differences = pieces.values.map((value, at) => Math.abs(value - whole.values[at]!))
  assert.ok(Math.max(...differences) < 1e-5, String(Math.max(...differences)))
  pupil.model.dispose()
})

test('a teacher says the same as a graph, which a CPU runs, and as layers, which a GPU runs', async () => {
  const folder = await exported('either', 'gem', 0.3)
  const layers = asLayers(await readTeacher(await readModel(folder)))
  const graph = await asGraph(await readTeacher(await readModel(folder)))
  const side = layers.preprocessing.inputSize
  // rounded, and cut off at both ends: mixed pictures are no whole numbers, and enlarging may leave the range by a hair
  const bytes = tf.randomUniform<tf.Rank.R4>([5, side, side, 3], 0, 255, 'int32', 7)
  const [said, heard] = [
    await layers.answer(tf.cast(bytes, 'float32')),
    await graph.answer(tf.add(bytes, tf.randomUniform(bytes.shape, -0.4, 0.4, 'float32', 8))),
  ]
  for (const [output, values] of said.entries()) {
    assert.deepEqual(heard[output]!.shape, values.shape)
    const difference = tf.max(tf.abs(tf.sub(values, heard[output]!))).dataSync()[0]!
    assert.ok(difference < 1e-3, `${output}: ${difference}`)
  }
  assert.ok(tf.max(tf.abs(tf.sub(tf.slice(said[1], 0, 1), tf.slice(said[1], 1, 1)))).dataSync()[0]! > 0.01)
  await layers.close()
  await graph.close()
})

test('on a CPU a teacher is computed from its int8 file, which says nearly the same', async () => {
  const layers = asLayers(await readTeacher(await readModel('onnx/har-lite0')))
  const eightBits = await openTeacher(await readModel('onnx/har-lite0'))
  const { inputSize, mean } = layers.preprocessing
  const pixels = tf.add(tf.mul(tf.randomNormal<tf.Rank.R4>([6, 7, 7, 3], 0, 1, 'float32', 3), 40), mean) as tf.Tensor4D
  const smooth = tf.clipByValue(tf.image.resizeBilinear(pixels, [inputSize, inputSize]), 0, 255)
  const [said, heard] = [await layers.answer(smooth), await eightBits.answer(smooth)]
  assert.deepEqual(heard[0].shape, said[0].shape)
  const cosines = tf.sum(tf.mul(said[0], heard[0]), 1).dataSync()
  // equal to the last bit only if the int8 file was not read
  assert.ok(Math.min(...cosines) > 0.95 && Math.min(...cosines) < 0.99999, String(cosines))
  const shares = tf.max(tf.abs(tf.sub(tf.softmax(said[1]), tf.softmax(heard[1])))).dataSync()[0]!
  assert.ok(shares < 0.2, String(shares))
  assert.deepEqual([layers.computedBy, eightBits.computedBy], ['TensorFlow in float32', 'ONNX Runtime in int8'])
  await layers.close()
  await eightBits.close()
})

test('a network of another architecture is refused by name', async (t) => {
  await assert.rejects(readTeacher(await readModel((await handmadeModel(t)).folder)), {
    code: 'weights_unreadable',
    message: /has the architecture handmade; only resnet50 and efficientnet-lite0 can/,
  })
})

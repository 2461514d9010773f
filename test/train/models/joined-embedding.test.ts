import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { embeddingDimensionMax } from '../../../src/embedding/model-manifest.js'
import { chooseBackend } from '../../../src/train/backend.js'
import { chooseInstanceShare, choosePosterior, joinSettings } from '../../../src/train/models/join-choice.js'
import { joinedRows, withJoinedEmbedding } from '../../../src/train/models/joined-embedding.js'
import { forward } from '../../../src/train/models/network.js'
import { simpleCnn } from '../../../src/train/models/simple-cnn.js'
import { convertNetwork } from '../../../src/train/onnx/convert.js'
import { openOnnx } from '../../../src/train/onnx/onnx-session.js'
import { checkParity } from '../../../src/train/onnx/parity.js'
import { tinyResNet } from '../fine-tuning/tiny-resnet.js'

before(() => chooseBackend('cpu'))

const preprocessing = {
  inputSize: 16,
  fit: 'squash' as const,
  resizeShortSide: 16,
  kernel: 'linear' as const,
  mean: [0, 0, 0],
  std: [1, 1, 1],
}
const plainNetwork = () =>
  simpleCnn({
    name: 'tiny',
    labels: ['a', 'b', 'c'],
    preprocessing,
    seed: 1,
    widths: [4, 8],
    depth: 1,
    embeddingDimension: 6,
  })
const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)

/** Σ√(p·p′) of two softmaxes. */
function overlap(a: number[], b: number[], sharpness: number): number {
  const softmax = (row: number[]) => {
    const powers = row.map((value) => Math.exp(sharpness * value))
    return powers.map((value) => value / powers.reduce((sum, next) => sum + next, 0))
  }
  const [p, q] = [softmax(a), softmax(b)]
  return p.reduce((sum, value, i) => sum + Math.sqrt(value * q[i]!), 0)
}

test('the score is the weighted sum of both cosines and the overlap of the posteriors; a part without a share is omitted', async () => {
  const network = tinyResNet({ instanceDimension: 5 })
  const input = tf.randomNormal([2, 32, 32, 3], 0, 1, 'float32', 2) as tf.Tensor4D
  const [plain, logits, instance] = (await Promise.all(
    forward(network, input, false).map((output) => output.array()),
  )) as [number[][], number[][], number[][]]
  for (const [p, i, dimension] of [
    [0.3, 0.2, 16],
    [0.3, 0, 11],
    [0, 0.2, 13],
  ] as const) {
    const both = withJoinedEmbedding(network, { posterior: { share: p, sharpness: 0.5 }, instanceShare: i })
    const outputs = (await Promise.all(forward(both, input, false).map((output) => output.array()))) as [
      [number[], number[]],
      number[][],
    ]
    const [[first, second], sameLogits] = outputs
    const expected =
      (1 - p - i) * dot(plain[0]!, plain[1]!) +
      p * overlap(logits[0]!, logits[1]!, 0.5) +
      i * dot(instance[0]!, instance[1]!)
    assert.deepEqual(
      [outputs.length, both.embeddingDimension, first.length, both.instanceDimension],
      [2, dimension, dimension, 0],
    )
    assert.ok(Math.abs(dot(first, second) - expected) < 1e-5)
    assert.ok(Math.abs(dot(first, first) - 1) < 1e-5)
    assert.deepEqual(sameLogits, logits)
  }
})

test('without shares a network is unchanged, and one with an instance part loses only that output', () => {
  const none = { posterior: { share: 0, sharpness: 1 }, instanceShare: 0 }
  const plain = plainNetwork()
  assert.equal(withJoinedEmbedding(plain, none), plain)
  const { model, embeddingDimension, instanceDimension } = withJoinedEmbedding(
    tinyResNet({ instanceDimension: 5 }),
    none,
  )
  assert.deepEqual(
    [model.outputs.map(({ name }) => name.split('/')[0]), embeddingDimension, instanceDimension],
    [['embedding', 'logits'], 8, 0],
  )
  assert.throws(() => withJoinedEmbedding(plain, { ...none, instanceShare: 0.1 }), RangeError)
})

test('the exported graph computes the same', async () => {
  const networks = [
    withJoinedEmbedding(plainNetwork(), { posterior: { share: 0.4, sharpness: 1.5 }, instanceShare: 0 }),
    withJoinedEmbedding(tinyResNet({ instanceDimension: 5 }), {
      posterior: { share: 0.4, sharpness: 1.5 },
      instanceShare: 0.2,
    }),
    withJoinedEmbedding(tinyResNet({ instanceDimension: 5 }), {
      posterior: { share: 0, sharpness: 1 },
      instanceShare: 0.3,
    }),
    withJoinedEmbedding(tinyResNet({ instanceDimension: 5 }), {
      posterior: { share: 0, sharpness: 1 },
      instanceShare: 0,
    }),
  ]
  for (const network of networks) {
    const session = await openOnnx(convertNetwork(network), { map: true })
    const { inputSize } = network.preprocessing
    const images = Array.from({ length: 16 }, (_, i) =>
      Uint8Array.from({ length: inputSize ** 2 * 3 }, (__, j) => (i * 37 + j * 11 + (j % (i + 2)) * 29) % 256),
    )
    const { passed, minCosine } = await checkParity(network, session, images)
    await session.close()
    assert.ok(passed, `${minCosine}`)
  }
})

const labels = ['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b']
const rows = { ids: labels.map((_, i) => `${i}`), labels, groups: labels.map((_, i) => `${i}`), dimension: 2 }
const right = Float32Array.from(labels.flatMap((label) => (label === 'a' ? [4, 0] : [0, 4])))
const told = Float32Array.from(labels.flatMap((label) => (label === 'a' ? [1, 0] : [0, 1])))

test("the posterior's share is chosen by retrieval: none if the classifier errs, some if it knows more than the embedding", () => {
  const wrong = Float32Array.from(labels.flatMap((_, i) => (i % 4 < 2 ? [4, 0] : [0, 4])))
  const untold = Float32Array.from(labels.flatMap((_, i) => [Math.cos(i), Math.sin(i)]))
  assert.equal(choosePosterior({ ...rows, embeddings: told, logits: wrong }).share, 0)
  const chosen = choosePosterior({ ...rows, embeddings: untold, logits: right })
  assert.ok(chosen.share > 0 && chosen.mAP10! > 0.95, JSON.stringify(chosen))
})

test('the posterior of so many classes that no manifest may state their number is left out', () => {
  const untold = Float32Array.from(labels.flatMap((_, i) => [Math.cos(i), Math.sin(i)]))
  const logits = (classes: number) => {
    const values = new Float32Array(labels.length * classes)
    labels.forEach((label, row) => (values[row * classes + (label === 'a' ? 0 : 1)] = 20))
    return values
  }
  const shareOf = (classes: number) => choosePosterior({ ...rows, embeddings: untold, logits: logits(classes) }).share
  assert.ok(shareOf(embeddingDimensionMax - 2) > 0)
  assert.equal(shareOf(embeddingDimensionMax - 1), 0)
})

test('the instance share is the one that finds most copies among those that do not harm retrieval', () => {
  const posterior = { share: 0.5, sharpness: 1 }
  const found = (shares: Record<number, number>) => (settings: { instanceShare: number }) => ({
    pictures: 8,
    gallery: 8,
    firstHit: { grey: shares[settings.instanceShare] ?? 0 },
  })
  // one direction per picture: it carries no class information, and a large share would drown the classes
  const own = Float32Array.from(labels.flatMap((_, i) => labels.map((__, j) => Number(i === j))))
  const val = { ...rows, embeddings: told, logits: right, instance: own }
  const chosen = chooseInstanceShare(val, posterior, found({ 0: 0.5, 0.1: 0.9, 0.2: 0.9, 0.4: 0.8 }))
  assert.deepEqual([chosen.instanceShare, chosen.copies, chosen.mAP10, chosen.tried.length], [0.1, 0.9, 1, 7])

  // pictures of two classes that look alike: every share harms retrieval
  const misleading = Float32Array.from(labels.flatMap((_, i) => (i % 4 < 2 ? [1, 0] : [0, 1])))
  const faint = Float32Array.from(labels.flatMap((label) => (label === 'a' ? [Math.cos(0.1), Math.sin(0.1)] : [1, 0])))
  const costly = chooseInstanceShare(
    { ...val, embeddings: faint, logits: new Float32Array(16), instance: misleading },
    posterior,
    found({ 0: 0.1, 0.1: 1, 0.4: 1 }),
  )
  assert.deepEqual([costly.instanceShare, costly.copies], [0, 0.1])
})

test('where no two pictures share a label, mAP@10 is unknown and nothing is joined to the embedding', () => {
  const single = { ...rows, labels: labels.map((_, i) => `label ${i}`), embeddings: told, logits: right }
  const { mAP10, ...posterior } = choosePosterior(single)
  assert.deepEqual([mAP10, posterior.share], [null, 0])
  const copies = ({ instanceShare }: { instanceShare: number }) => ({
    pictures: 8,
    gallery: 8,
    firstHit: { grey: instanceShare },
  })
  const chosen = chooseInstanceShare({ ...single, instance: told }, posterior, copies)
  assert.deepEqual(
    [chosen.instanceShare, chosen.mAP10, chosen.tried.at(-1)],
    [0, null, { instanceShare: 0.4, mAP10: null, copies: 0.4 }],
  )
})

test('the instance part takes its share equally from the two others', () => {
  const { posterior, instanceShare } = joinSettings({ share: 0.6, sharpness: 1 }, 0.4)
  assert.ok(Math.abs(posterior.share - 0.36) < 1e-9 && Math.abs(1 - posterior.share - instanceShare - 0.24) < 1e-9)
})

test('rows joined afterwards equal those of the joined network', async () => {
  const network = tinyResNet({ instanceDimension: 5 })
  const settings = { posterior: { share: 0.3, sharpness: 0.5 }, instanceShare: 0.2 }
  const input = tf.randomNormal([8, 32, 32, 3], 0, 1, 'float32', 2) as tf.Tensor4D
  const [embeddings, logits, instance] = forward(network, input, false).map(
    (output) => output.dataSync() as Float32Array,
  ) as [Float32Array, Float32Array, Float32Array]
  const joined = joinedRows({ ...rows, embeddings, dimension: 8, logits, instance }, settings)
  const expected = forward(withJoinedEmbedding(network, settings), input, false)[0].dataSync()
  assert.equal(joined.dimension, 16)
  assert.ok(joined.embeddings.every((value, i) => Math.abs(value - expected[i]!) < 1e-6))
})

import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { chooseBackend } from '../../../src/train/backend.js'
import { forward } from '../../../src/train/models/network.js'
import { choosePosterior, withPosterior } from '../../../src/train/models/posterior.js'
import { simpleCnn } from '../../../src/train/models/simple-cnn.js'
import { checkParity } from '../../../src/train/onnx/parity.js'
import { convertNetwork } from '../../../src/train/onnx/convert.js'
import { openOnnx } from '../../../src/train/onnx/onnx-session.js'

before(() => chooseBackend('cpu'))

const preprocessing = { inputSize: 16, fit: 'squash' as const, resizeShortSide: 16, kernel: 'linear' as const, mean: [0, 0, 0], std: [1, 1, 1] }
const made = () => simpleCnn({ name: 'tiny', labels: ['a', 'b', 'c'], preprocessing, seed: 1, widths: [4, 8], depth: 1, embeddingDimension: 6 })

/** Σ√(p·p′) of two softmaxes. */
function overlap(a: number[], b: number[], sharpness: number): number {
  const softmax = (row: number[]) => {
    const powers = row.map((value) => Math.exp(sharpness * value))
    return powers.map((value) => value / powers.reduce((sum, next) => sum + next, 0))
  }
  const [p, q] = [softmax(a), softmax(b)]
  return p.reduce((sum, value, i) => sum + Math.sqrt(value * q[i]!), 0)
}

test('the score is the weighted sum of the cosine and the overlap of the posteriors', async () => {
  const network = made()
  const input = tf.randomNormal([2, 16, 16, 3], 0, 1, 'float32', 2) as tf.Tensor4D
  const [plain, logits] = (await Promise.all(forward(network, input, false).map((output) => output.array()))) as [number[][], number[][]]
  const both = withPosterior(network, { share: 0.3, sharpness: 0.5 })
  const [[first, second], sameLogits] = (await Promise.all(forward(both, input, false).map((output) => output.array()))) as [[number[], number[]], number[][]]

  const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
  const expected = 0.7 * dot(plain[0]!, plain[1]!) + 0.3 * overlap(logits[0]!, logits[1]!, 0.5)
  assert.equal(both.embeddingDimension, 9)
  assert.ok(Math.abs(dot(first, second) - expected) < 1e-5)
  assert.ok(Math.abs(dot(first, first) - 1) < 1e-5)
  assert.deepEqual(sameLogits, logits)
})

test('a share of 0 is the network itself', () => {
  const network = made()
  assert.equal(withPosterior(network, { share: 0, sharpness: 1 }), network)
})

test('the exported graph computes the same', async () => {
  const network = withPosterior(made(), { share: 0.4, sharpness: 1.5 })
  const session = await openOnnx(convertNetwork(network))
  const pictures = Array.from({ length: 16 }, (_, i) => Uint8Array.from({ length: 16 * 16 * 3 }, (__, j) => (i * 37 + j * 11 + (j % (i + 2)) * 29) % 256))
  const { passed, minCosine } = await checkParity(network, session, pictures)
  await session.close()
  assert.ok(passed, `${minCosine}`)
})

test('the share is chosen by retrieval: none where the classifier errs, some where it knows more than the embedding', () => {
  const labels = ['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b']
  const rows = { ids: labels.map((_, i) => `${i}`), labels, groups: labels.map((_, i) => `${i}`), dimension: 2 }
  const right = Float32Array.from(labels.flatMap((label) => (label === 'a' ? [4, 0] : [0, 4])))
  const wrong = Float32Array.from(labels.flatMap((_, i) => (i % 4 < 2 ? [4, 0] : [0, 4])))
  const told = Float32Array.from(labels.flatMap((label) => (label === 'a' ? [1, 0] : [0, 1])))
  const untold = Float32Array.from(labels.flatMap((_, i) => [Math.cos(i), Math.sin(i)]))
  assert.equal(choosePosterior({ ...rows, embeddings: told, logits: wrong }).share, 0)
  const chosen = choosePosterior({ ...rows, embeddings: untold, logits: right })
  assert.ok(chosen.share > 0 && chosen.mAP10 > 0.95, JSON.stringify(chosen))
})

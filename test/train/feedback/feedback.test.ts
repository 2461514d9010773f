/** From judgements of hits to pairs that influence a network. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { seededRandom } from '../../../src/eval/random.js'
import { chooseBackend } from '../../../src/train/backend.js'
import { readJudgedPairs } from '../../../src/train/feedback/judged-pairs.js'
import { linkedMembers } from '../../../src/train/feedback/linked-members.js'
import { normalised } from '../../../src/train/loader/normalise.js'
import { type Links, linkedPairs } from '../../../src/train/losses/linked-pairs.js'
import { forward, trainableVariablesOf } from '../../../src/train/models/network.js'
import { simpleCnn } from '../../../src/train/models/simple-cnn.js'
import { AdamW } from '../../../src/train/optimizer/adamw.js'
import { inputOf, trainingStep } from '../../../src/train/training-step.js'
import { temporaryFolder } from '../../support/temporary-folder.js'

before(() => chooseBackend('cpu'))

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')

test('judgements become pairs of training pictures, matched by bytes or ids; held-out pictures are ignored', async (t) => {
  const folder = await temporaryFolder(t)
  const images = await Promise.all(
    ['a', 'b', 'c', 'held out'].map(async (id) => {
      const path = join(folder, id)
      await writeFile(path, `bytes of ${id}`)
      return { id, label: 'x', group: id, split: 'train' as const, source: { path } }
    }),
  )
  const file = join(folder, 'feedback.ndjson')
  const hash = (id: string) => hashOf(`bytes of ${id}`)
  const lines = [
    {
      query: { id: 'stored as a' },
      queryHash: hash('a'),
      hit: 'stored as b',
      hitHash: hash('b'),
      verdict: 'right',
      by: 'ann',
    },
    {
      query: { id: 'stored as b' },
      queryHash: hash('b'),
      hit: 'stored as a',
      hitHash: hash('a'),
      verdict: 'right',
      by: 'ben',
    },
    { query: { id: 'a' }, hit: 'b', verdict: 'wrong', by: 'cid' },
    { query: { id: 'c' }, hit: 'a', verdict: 'wrong', by: 'ann' },
    { query: { id: 'b' }, hit: 'c', verdict: 'wrong', by: 'ann' },
    { query: { id: 'b' }, hit: 'c', verdict: 'right', by: 'ben' },
    { query: { id: 'a' }, hit: 'held out', verdict: 'right', by: 'ann' },
    { query: { key: 'a search' }, hit: 'a', verdict: 'right', by: 'ann' },
    { query: { id: 'a' }, queryHash: hashOf('others'), hit: 'b', verdict: 'right', by: 'ann' },
  ]
  await writeFile(file, `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`)
  assert.deepEqual(await readJudgedPairs(file, { images, train: [0, 1, 2] }), {
    pairs: [
      { pair: [0, 1], right: true },
      { pair: [0, 2], right: false },
    ],
    lines: 9,
    unknown: 3,
    undecided: 1,
  })
  await writeFile(file, '{"query": {}}\n')
  await assert.rejects(readJudgedPairs(file, { images, train: [0] }), { code: 'dataset_unusable' })
})

test('pairs enter batches in turn, all equally often', () => {
  const pairs = Array.from({ length: 6 }, (_, i) => ({ pair: [i, i + 10] as const, right: i % 2 === 0 }))
  const counts = new Map<number, number>()
  for (let batch = 0; batch < 9; batch++) {
    const { members, links } = linkedMembers(pairs, batch, 100)
    assert.deepEqual(
      [...links.must, ...links.cannot].flat().sort(),
      members.map((_, row) => 100 + row),
    )
    for (const [a, b] of links.must)
      assert.ok(members[a - 100]! % 2 === 0 && members[b - 100] === members[a - 100]! + 10)
    for (const member of members) counts.set(member, (counts.get(member) ?? 0) + 1)
  }
  assert.deepEqual([...new Set(counts.values())], [6])
  assert.deepEqual(linkedMembers([], 3, 8), { members: [], links: { must: [], cannot: [] } })
})

test('the term is the mean of d² and of max(0, margin − d)², and gradients stay finite for equal pictures', () => {
  const rows = tf.tensor2d([
    [1, 0],
    [0.6, 0.8],
    [0, 1],
    [1, 0],
  ])
  const distance = (a: number, b: number) => Math.sqrt(2 - 2 * (a * b))
  const links: Links = {
    must: [[0, 1]],
    cannot: [
      [0, 2],
      [1, 2],
    ],
  }
  const expected = 0.8 + ((1.5 - Math.SQRT2) ** 2 + (1.5 - distance(1, 0.8)) ** 2) / 2
  assert.ok(Math.abs(linkedPairs(rows, links, 1.5).dataSync()[0]! - expected) < 1e-5)
  assert.equal(linkedPairs(rows, { must: [], cannot: [] }, 1).dataSync()[0], 0)
  const slopes = tf.grad((x) => linkedPairs(x as tf.Tensor2D, { must: [[0, 3]], cannot: [[0, 3]] }, 1))(rows)
  assert.ok(slopes.dataSync().every(Number.isFinite))
})

test('the backend that training uses without native TensorFlow has the gradients of the term', async () => {
  await chooseBackend('wasm')
  try {
    const rows = tf.tensor2d([
      [1, 0],
      [0.6, 0.8],
    ])
    const slopes = tf.grad((x) => linkedPairs(x as tf.Tensor2D, { must: [[0, 1]], cannot: [] }, 1))(rows)
    // d² = 2 − 2·cos: twice the other row, turned round
    const expected = [-1.2, -1.6, -2, 0]
    assert.ok((await slopes.data()).every((value, i) => Math.abs(value - expected[i]!) < 1e-5))
  } finally {
    await chooseBackend('cpu')
  }
})

test('a tiny network attracts pairs that belong together, against their labels, and separates those that do not', () => {
  const side = 16
  const preprocessing = {
    inputSize: side,
    fit: 'squash',
    resizeShortSide: side,
    kernel: 'linear',
    mean: [127, 127, 127],
    std: [60, 60, 60],
  } as const
  const random = seededRandom(4)
  const count = 6
  const pixels = Uint8Array.from({ length: count * side * side * 3 }, () => random() * 256)
  const classes = [0, 0, 1, 1, 0, 1]
  const losses = { labelSmoothing: 0.1, contrastive: { weight: 0.5, temperature: 0.1 } }

  const cosinesAfter = (links: Links | undefined) => {
    const network = simpleCnn({
      name: 'tiny',
      labels: ['x', 'y'],
      preprocessing: { ...preprocessing, mean: [...preprocessing.mean], std: [...preprocessing.std] },
      seed: 1,
      widths: [4, 8],
      depth: 1,
      embeddingDimension: 6,
    })
    const variables = trainableVariablesOf(network)
    const optimizer = new AdamW(variables, { weightDecay: 0 })
    const input = inputOf(network, { pixels, side })
    for (let step = 0; step < 40; step++)
      trainingStep(network, { input, classes, links }, { optimizer, variables, learningRate: 0.01 }, losses)
    return tf.tidy(() => {
      const [embedding] = forward(network, normalised(pixels, side, network.preprocessing), true)
      const cosines = tf.matMul(embedding, embedding, false, true).arraySync() as number[][]
      return { acrossLabels: cosines[0]![2]!, withinLabel: cosines[0]![1]! }
    })
  }
  const [without, linked] = [cosinesAfter(undefined), cosinesAfter({ must: [[0, 2]], cannot: [[0, 1]] })]
  assert.ok(linked.acrossLabels > without.acrossLabels + 0.2, JSON.stringify({ without, linked }))
  assert.ok(linked.withinLabel < without.withinLabel - 0.2, JSON.stringify({ without, linked }))
})

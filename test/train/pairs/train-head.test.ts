import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { seededRandom } from '../../../src/eval/random.js'
import { chooseBackend } from '../../../src/train/backend.js'
import { trainHead } from '../../../src/train/pairs/train-head.js'
import type { TrainingData } from '../../../src/train/training-data.js'

/** Three classes, told by three of eight features under noise as large as the signal. */
function noisyClasses(): { data: TrainingData; features: (indices: number[]) => tf.Tensor4D } {
  const labels = ['a', 'b', 'c']
  const pictures = Array.from({ length: 90 }, (_, i) => ({ id: `${i}`, label: labels[i % 3]!, group: `${i}`, split: i < 60 ? ('train' as const) : ('val' as const), source: { path: '' } }))
  const random = seededRandom(4)
  const rows = pictures.map((_, i) => Array.from({ length: 8 }, (__, feature) => (feature === i % 3 ? 1.5 : 0) + 2 * random()))
  const part = (split: string) => [...pictures.keys()].filter((i) => pictures[i]!.split === split)
  const train = part('train')
  const data = { pictures, labels, train, val: part('val'), test: [], classOf: train.map((i) => i % 3) }
  return { data, features: (indices) => tf.tensor4d(indices.flatMap((i) => rows[i]!), [indices.length, 1, 1, 8]) }
}

test('a head that is trained by its pairs alone ranks better than one that is not trained', async () => {
  await chooseBackend('wasm')
  const { data, features } = noisyClasses()
  const given = { train: features(data.train), val: features(data.val) }
  const losses = { labelSmoothing: 0.1, contrastive: { weight: 0, temperature: 0.1 }, pairs: { weight: 1, margin: 1.4, negativeWeight: 2, mean: 'all-pairs' as const }, detachedClassifier: true as const }
  const judge = (epochs: number) => trainHead(given, data, { losses, batch: { classes: 3, samples: 4 }, epochs, peakRate: 3e-3, seed: 1 })
  const [untrained, trained] = [judge(0), judge(6)]
  assert.ok(trained.overall['mAP@10']! > untrained.overall['mAP@10']! + 0.05, `${trained.overall['mAP@10']} after ${untrained.overall['mAP@10']}`)
  assert.ok(trained.pairs!.rocAuc > untrained.pairs!.rocAuc)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { input, model as layersModel } from '@tensorflow/tfjs-layers'
import { seededRandom } from '../../../src/eval/random.js'
import { chooseBackend } from '../../../src/train/backend.js'
import { retrievalHead } from '../../../src/train/models/retrieval-head.js'
import { trainableLayersOf } from '../../../src/train/models/staged-network.js'
import { AdamW } from '../../../src/train/optimizer/adamw.js'
import { distillationGradients, teacherOf } from '../../../src/train/pairs/distil.js'
import { trainHead } from '../../../src/train/pairs/train-head.js'
import type { TrainingData } from '../../../src/train/training-data.js'

/** Three classes, distinguished by three of eight features under noise as large as the signal. */
function noisyClasses(): { data: TrainingData; features: (indices: number[]) => tf.Tensor4D } {
  const labels = ['a', 'b', 'c']
  const images = Array.from({ length: 90 }, (_, i) => ({
    id: `${i}`,
    label: labels[i % 3]!,
    group: `${i}`,
    split: i < 60 ? ('train' as const) : ('val' as const),
    source: { path: '' },
  }))
  const random = seededRandom(4)
  const rows = images.map((_, i) =>
    Array.from({ length: 8 }, (__, feature) => (feature === i % 3 ? 1.5 : 0) + 2 * random()),
  )
  const part = (split: string) => [...images.keys()].filter((i) => images[i]!.split === split)
  const train = part('train')
  const data = {
    images,
    labels,
    train,
    val: part('val'),
    test: [],
    classOf: train.map((i) => i % 3),
    judged: [],
    learntFrom: [],
  }
  return {
    data,
    features: (indices) =>
      tf.tensor4d(
        indices.flatMap((i) => rows[i]!),
        [indices.length, 1, 1, 8],
      ),
  }
}

test('a head trained on pairs alone ranks better than an untrained one', async () => {
  await chooseBackend('wasm')
  const { data, features } = noisyClasses()
  const given = { train: features(data.train), trainViews: [], val: features(data.val) }
  const losses = {
    labelSmoothing: 0.1,
    contrastive: { weight: 0, temperature: 0.1 },
    pairs: { weight: 1, margin: 1.4, negativeWeight: 2, mean: 'all-pairs' as const },
    detachedClassifier: true as const,
  }
  const judge = (epochs: number) =>
    trainHead(given, data, { losses, batch: { classes: 3, samples: 4 }, epochs, peakRate: 3e-3, seed: 1 })
  const [untrained, trained] = [judge(0), judge(6)]
  assert.ok(
    trained.overall['mAP@10']! > untrained.overall['mAP@10']! + 0.05,
    `${trained.overall['mAP@10']} after ${untrained.overall['mAP@10']}`,
  )
  assert.ok(trained.pairs!.rocAuc > untrained.pairs!.rocAuc)
  assert.ok(trained.againstTrain!['mAP@10']! > untrained.againstTrain!['mAP@10']!)
})

test('a head trained towards the mean of all views moves the serving view to it', async () => {
  await chooseBackend('wasm')
  const { data, features } = noisyClasses()
  const map = input({ shape: [1, 1, 8] })
  const headOf = (seed: number) =>
    layersModel({
      inputs: map,
      outputs: retrievalHead({
        pooling: 'average',
        embeddingDimension: 4,
        scale: 8,
        instanceDimension: 0,
        classes: 3,
        seed,
      })(map, map),
    })
  const [teacher, pupil] = [headOf(1), headOf(9)]
  const rows = features(data.train)
  const targets = teacherOf(teacher, [rows, tf.mul(rows, 0.9) as tf.Tensor4D, rows])
  assert.ok((tf.norm(targets, 2, 1).arraySync() as number[]).every((length) => Math.abs(length - 1) < 1e-5))
  const variables = trainableLayersOf(pupil).flatMap((layer) => layer.variables)
  const agreement = () =>
    tf.tidy(
      () =>
        tf.mean(tf.sum(tf.mul((pupil.apply(rows, { training: true }) as tf.Tensor[])[0]!, targets), 1)).dataSync()[0]!,
    )
  const before = agreement()
  const optimizer = new AdamW(variables, { beta2: 0.999, epsilon: 1e-8, weightDecay: 0 })
  for (let step = 0; step < 60; step++)
    tf.tidy(() => optimizer.apply(distillationGradients(pupil, rows, targets, variables), 0.02))
  assert.ok(agreement() > Math.max(0.9, before + 0.1), `${agreement()} after ${before}`)
})

/** Which terms of the loss affect which part of the network. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { chooseBackend } from '../../../src/train/backend.js'
import type { BatchTruth } from '../../../src/train/fine-tuning/batch-loss.js'
import { phaseOptimizer } from '../../../src/train/fine-tuning/phase-optimizer.js'
import type { LossSettings } from '../../../src/train/fine-tuning/settings.js'
import { tailStep } from '../../../src/train/fine-tuning/steps.js'
import { tinyResNet } from './tiny-resnet.js'

await chooseBackend('wasm')
const network = tinyResNet({ instanceDimension: 4 })
const { tail } = phaseOptimizer(network, 'tail', 0)
const maps = network.trunk.apply(tf.randomNormal([6, 32, 32, 3], 0, 1, 'float32', 3), { training: false }) as tf.Tensor
const classes = [0, 0, 1, 1, 2, 2]
const onlyInstance: LossSettings = {
  labelSmoothing: 0,
  contrastive: { weight: 0, temperature: 0.1 },
  instance: { weight: 1, temperature: 0.1 },
}

/** Largest gradient of each kind of layer; absent where the loss does not depend on it. */
function slopes(
  truth: BatchTruth,
  losses: LossSettings,
): { loss: number; instance: number | undefined; classes: number | undefined } {
  return tf.tidy(() => {
    const { loss, gradients } = tailStep(network.tail, maps, truth, { variables: tail, losses })
    const largest = (isWanted: (name: string) => boolean) => {
      const found = Object.entries(gradients)
        .filter(([name]) => isWanted(name))
        .map(([, gradient]) => tf.max(tf.abs(gradient)).dataSync()[0]!)
      return found.length === 0 ? undefined : Math.max(...found)
    }
    return {
      loss: loss.dataSync()[0]!,
      instance: largest((name) => name.startsWith('instance_')),
      classes: largest((name) => name.startsWith('embed')),
    }
  })
}

test('two views of a picture train the instance part, whatever their class; a batch without a second view does not', () => {
  const paired = slopes({ classes, images: [0, 1, 2, 3, 4, 4] }, onlyInstance)
  assert.ok(paired.instance! > 1e-4)
  assert.ok(!(slopes({ classes, images: [0, 1, 2, 3, 4, 5] }, onlyInstance).instance! > 1e-7))
  assert.equal(slopes({ classes }, onlyInstance).instance, undefined)
})

test('mixed pictures train only the classes', () => {
  const mix = { partners: [5, 4, 3, 2, 1, 0], share: 0.7 }
  const all: LossSettings = {
    labelSmoothing: 0.1,
    contrastive: { weight: 5, temperature: 0.1 },
    pairs: { weight: 5, margin: 1.4, negativeWeight: 4, mean: 'all-pairs' },
    instance: { weight: 1, temperature: 0.1 },
  }
  const alone = slopes({ classes, mix }, { labelSmoothing: 0.1, contrastive: { weight: 0, temperature: 1 } })
  const mixedBatch = slopes({ classes, images: [0, 1, 2, 3, 4, 4], mix }, all)
  assert.equal(mixedBatch.instance, undefined)
  assert.ok(Math.abs(mixedBatch.loss - alone.loss) < 1e-6)
  // and they cover both pictures
  const [own, partners] = [classes, mix.partners.map((row) => classes[row]!)].map(
    (given) => slopes({ classes: given }, { labelSmoothing: 0.1, contrastive: { weight: 0, temperature: 1 } }).loss,
  )
  assert.ok(Math.abs(mixedBatch.loss - (0.7 * own! + 0.3 * partners!)) < 1e-5)
})

test('a pupil that already agrees with its teachers has no distillation loss', () => {
  const [embedding, logits] = network.tail.apply(maps, { training: true }) as [tf.Tensor2D, tf.Tensor2D]
  const taught = {
    posterior: tf.softmax(logits) as tf.Tensor2D,
    similarity: tf.matMul(embedding, embedding, false, true) as tf.Tensor2D,
  }
  const losses: LossSettings = {
    labelSmoothing: 0,
    contrastive: { weight: 0, temperature: 1 },
    distillation: { share: 1, similarity: 10 },
  }
  assert.ok(slopes({ classes, taught }, losses).classes! < 1e-5)
  const others = { ...taught, similarity: tf.zerosLike(taught.similarity) }
  assert.ok(slopes({ classes, taught: others }, losses).classes! > 1e-3)
})

test('the instance part, including its momentum, is unchanged by a batch without a loss for it', () => {
  const resting = tinyResNet({ instanceDimension: 4 })
  const optimizer = phaseOptimizer(resting, 'tail', 0.01)
  const kernel = () => [...resting.model.getLayer('instance_embed').getWeights()[0]!.dataSync()]
  const step = (truth: BatchTruth) => {
    const { gradients } = tailStep(resting.tail, maps, truth, {
      variables: optimizer.tail,
      losses: { ...onlyInstance, labelSmoothing: 0.1 },
    })
    optimizer.apply(gradients, { head: 1e-2, body: 1e-3 })
  }
  const first = kernel()
  step({ classes, images: [0, 1, 2, 3, 4, 4] })
  const moved = kernel()
  assert.notDeepEqual(moved, first)
  step({ classes, mix: { partners: [5, 4, 3, 2, 1, 0], share: 0.5 } })
  assert.deepEqual(kernel(), moved)
})

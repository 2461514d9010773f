/** Which terms of the loss affect which part of the network. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { seededRandom } from '../../../src/eval/random.js'
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

test('the loss of a batch with every term equals its formulas, calculated in double precision', () => {
  const images = [0, 1, 2, 3, 4, 4]
  const [embedding, logits, views] = (network.tail.apply(maps, { training: true }) as tf.Tensor2D[]).map(
    (output) => output.arraySync() as number[][],
  ) as [number[][], number[][], number[][]]
  const random = seededRandom(3)
  const row = (length: number) => Array.from({ length }, () => random() - 0.5)
  const [posterior, similarity] = [logits.map(() => softmax(row(3))), logits.map(() => row(6))]
  const taught = { posterior: tf.tensor2d(posterior), similarity: tf.tensor2d(similarity) }
  const links = { must: [[0, 2]] as const, cannot: [[1, 4]] as const }
  const losses: LossSettings = {
    labelSmoothing: 0.1,
    contrastive: { weight: 0.5, temperature: 0.1 },
    pairs: { weight: 2, margin: 1.4, negativeWeight: 4, mean: 'all-pairs' },
    linked: { weight: 3, margin: 1.2 },
    instance: { weight: 0.3, temperature: 0.2 },
    distillation: { share: 0.8, similarity: 10 },
  }
  const distance = (i: number, j: number) => Math.hypot(...embedding[i]!.map((value, at) => value - embedding[j]![at]!))
  const smoothed = classes.map((label) => [0, 1, 2].map((at) => (at === label ? 0.9 : 0) + 0.1 / 3))
  const own =
    crossEntropy(logits, smoothed) +
    0.5 * contrastiveOf(embedding, classes, 0.1) +
    2 *
      mean(
        pairsOf(classes).map(([i, j]) =>
          classes[i] === classes[j] ? distance(i, j) ** 2 : 4 * Math.max(0, 1.4 - distance(i, j)) ** 2,
        ),
      ) +
    3 * (distance(0, 2) ** 2 + Math.max(0, 1.2 - distance(1, 4)) ** 2)
  const differences = embedding.flatMap((one, i) =>
    embedding.map((other, j) => (dot(one, other) - similarity[i]![j]!) ** 2),
  )
  const expected =
    0.2 * own +
    0.8 * (crossEntropy(logits, posterior) + 10 * mean(differences)) +
    0.3 * contrastiveOf(views, images, 0.2)
  const { loss } = slopes({ classes, images, taught, links }, losses)
  assert.ok(Math.abs(loss - expected) < 1e-4 * expected, `${loss} instead of ${expected}`)
})

const dot = (a: number[], b: number[]) => a.reduce((sum, value, at) => sum + value * b[at]!, 0)
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const pairsOf = (items: readonly unknown[]) =>
  items.flatMap((_, i) => items.slice(0, i).map((_, j): [number, number] => [i, j]))

function softmax(values: number[]): number[] {
  const powers = values.map(Math.exp)
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}

const crossEntropy = (logits: number[][], targets: number[][]) =>
  mean(logits.map((values, i) => -dot(targets[i]!, softmax(values).map(Math.log))))

/** L_out of Khosla et al. 2020, term by term. */
function contrastiveOf(rows: number[][], groups: readonly number[], temperature: number): number {
  const terms = rows.flatMap((row, i) => {
    const others = rows.map((other, j) => (j === i ? 0 : Math.exp(dot(row, other) / temperature)))
    const sum = others.reduce((total, power) => total + power, 0)
    const partners = others.filter((_, j) => j !== i && groups[j] === groups[i])
    return partners.length === 0 ? [] : [-mean(partners.map((power) => Math.log(power / sum)))]
  })
  return mean(terms)
}

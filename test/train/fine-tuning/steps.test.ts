import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { chooseBackend } from '../../../src/train/backend.js'
import { phaseOptimizer } from '../../../src/train/fine-tuning/phase-optimizer.js'
import type { LossSettings } from '../../../src/train/fine-tuning/settings.js'
import { tailStep, wholeStep } from '../../../src/train/fine-tuning/steps.js'
import { tinyResNet } from './tiny-resnet.js'

await chooseBackend('wasm')
const losses = { labelSmoothing: 0.1, contrastive: { weight: 0.5, temperature: 0.1 } }
const classes = [0, 0, 1, 1, 2, 2]
const images = (): tf.Tensor4D => tf.randomNormal([6, 32, 32, 3], 0, 1, 'float32', 3)

test('the gradient in pieces equals that of the whole batch', () => {
  const network = tinyResNet()
  const { trunk, tail } = phaseOptimizer(network, 'all', 0)
  const input = images()
  const atOnce = wholeStep(network, input, { classes }, { variables: { trunk, tail }, losses, microBatch: 6 })
  const inPieces = wholeStep(network, input, { classes }, { variables: { trunk, tail }, losses, microBatch: 4 })
  assert.ok(Math.abs(atOnce.loss.dataSync()[0]! - inPieces.loss.dataSync()[0]!) < 1e-5)
  assert.deepEqual(Object.keys(inPieces.gradients).sort(), [...trunk, ...tail].map(({ name }) => name).sort())
  for (const [name, gradient] of Object.entries(atOnce.gradients)) {
    const difference = tf.max(tf.abs(tf.sub(gradient, inPieces.gradients[name]!))).dataSync()[0]!
    assert.ok(difference < 1e-4, `${name} differs by ${difference}`)
  }
  // and that of the network without the detour through the middle
  const first = trunk[0]!
  const nudged = (by: number): number => {
    const kept = first.clone()
    const values = first.dataSync().slice()
    values[0]! += by
    first.assign(tf.tensor(values, first.shape))
    const { loss } = wholeStep(network, input, { classes }, { variables: { trunk, tail }, losses, microBatch: 6 })
    first.assign(kept)
    return loss.dataSync()[0]!
  }
  const slope = (nudged(1e-2) - nudged(-1e-2)) / 2e-2
  const found = atOnce.gradients[first.name]!.dataSync()[0]!
  assert.ok(Math.abs(slope - found) < 0.02 * Math.max(1, Math.abs(slope)), `${found}, measured ${slope}`)
})

test('a phase updates only its own weights, and a step leaks no tensor', () => {
  for (const trains of ['head', 'tail', 'all'] as const) {
    const network = tinyResNet()
    const optimizer = phaseOptimizer(network, trains, 0.01)
    const before = new Map(
      network.model.layers.map((layer) => [layer.name, layer.getWeights().map((weight) => weight.dataSync().slice())]),
    )
    const input = images()
    const step = (): void => {
      const maps = network.trunk.apply(input, { training: false }) as tf.Tensor
      const { loss, gradients } =
        trains === 'all'
          ? wholeStep(network, input, { classes }, { variables: optimizer, losses, microBatch: 3 })
          : tailStep(network.tail, maps, { classes }, { variables: optimizer.tail, losses })
      maps.dispose()
      optimizer.apply(gradients, { head: 1e-2, body: 1e-3 })
      tf.dispose([loss, gradients])
    }
    step()
    const held = tf.memory().numTensors
    step()
    assert.equal(tf.memory().numTensors, held, trains)
    const moved = network.model.layers.filter((layer) =>
      layer
        .getWeights()
        .some((weight, i) => weight.dataSync().some((value, j) => value !== before.get(layer.name)![i]![j])),
    )
    const kinds = new Set(
      moved.map(({ name }) => (network.isHead(name) ? 'head' : name.startsWith('layer4') ? 'conv5' : 'trunk')),
    )
    assert.deepEqual(
      [...kinds].sort(),
      { head: ['head'], tail: ['conv5', 'head'], all: ['conv5', 'head', 'trunk'] }[trains],
    )
  }
})

test('a detached classifier does not shape the embedding', () => {
  const network = tinyResNet()
  const { tail } = phaseOptimizer(network, 'tail', 0)
  const maps = network.trunk.apply(images(), { training: false }) as tf.Tensor
  const pairs = { weight: 1, margin: 1.4, negativeWeight: 4, mean: 'all-pairs' } as const
  const gradientsOf = (given: LossSettings) =>
    tailStep(network.tail, maps, { classes }, { variables: tail, losses: given }).gradients
  const alone = gradientsOf({
    labelSmoothing: 0,
    contrastive: { weight: 0, temperature: 1 },
    pairs,
    detachedClassifier: true,
  })
  const smoothed = gradientsOf({
    labelSmoothing: 0.5,
    contrastive: { weight: 0, temperature: 1 },
    pairs,
    detachedClassifier: true,
  })
  for (const name of Object.keys(alone)) {
    const difference = tf.max(tf.abs(tf.sub(alone[name]!, smoothed[name]!))).dataSync()[0]!
    assert.equal(difference > 0, name.startsWith('logits/'), `${name} differs by ${difference}`)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluateClassification } from '../../src/eval/classification.js'

test('accuracy, macro-F1 and confusion match a manual calculation', () => {
  const logits = Float32Array.from(
    [
      [3, 1, 0, 0], // a → a
      [0, 2, 1, 0], // a → b
      [0, 2, 0, 1], // b → b
      [1, 1, 0, 0], // b → a (equal: the first class)
      [0, 0, 5, 1], // c → c
    ].flat(),
  )
  const quality = evaluateClassification(logits, ['a', 'a', 'b', 'b', 'c'], ['a', 'b', 'c', 'd'])
  assert.equal(quality.accuracy, 3 / 5)
  assert.deepEqual(quality.confusion, [
    [1, 1, 0, 0],
    [1, 1, 0, 0],
    [0, 0, 1, 0],
    [0, 0, 0, 0],
  ])
  assert.deepEqual(quality.perClass['a'], { support: 2, precision: 0.5, recall: 0.5, f1: 0.5 })
  // d does not occur and does not count
  assert.equal(quality.macroF1, (0.5 + 0.5 + 1) / 3)
  assert.equal(quality.top3Accuracy, 1)
  const [low, high] = quality.accuracyInterval!
  assert.ok(low < 0.6 && high > 0.6)
})

test('a label unknown to the model is an error, not a miss', () => {
  assert.throws(() => evaluateClassification(Float32Array.from([1, 2]), ['z'], ['a', 'b']), /class z/)
})

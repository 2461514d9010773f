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
  assert.deepEqual(quality.perClass['d'], { support: 0, precision: 0, recall: 0, f1: 0 })
  assert.equal(quality.macroF1, (0.5 + 0.5 + 1) / 3)
  assert.equal(quality.top3Accuracy, 1)
  const [low, high] = quality.accuracyInterval!
  assert.ok(low < 0.6 && high > 0.6)
})

test('of many classes, the confusion matrix has those of the most frequent confusions, and every class its own quality', () => {
  const classes = Array.from({ length: 400 }, (_, i) => `class ${i}`)
  // two pictures of each; both of 398 are taken for 399, and one of 397 for 7
  const truths = classes.flatMap((_, i) => [i, i])
  const predicted = truths.map((truth, row) => (truth === 398 ? 399 : row === 2 * 397 ? 7 : truth))
  const logits = new Float32Array(truths.length * classes.length)
  predicted.forEach((named, row) => (logits[row * classes.length + named] = 1))
  const quality = evaluateClassification(
    logits,
    truths.map((truth) => classes[truth]!),
    classes,
    { bootstrapSamples: 0 },
  )
  const { confusion, confused } = quality
  assert.deepEqual([confusion.length, confusion[0]!.length], [100, 100])
  assert.deepEqual(confused, [...classes.slice(0, 97), 'class 397', 'class 398', 'class 399'])
  const count = (truth: string, named: string) => confusion[confused!.indexOf(truth)]![confused!.indexOf(named)]
  assert.deepEqual(
    [count('class 398', 'class 399'), count('class 397', 'class 7'), count('class 5', 'class 5')],
    [2, 1, 2],
  )
  assert.deepEqual(quality.perClass['class 399'], { support: 2, precision: 0.5, recall: 1, f1: 2 / 3 })
  assert.equal(quality.accuracy, 797 / 800)
})

test('with more confusions than the matrix holds, it has the most frequent ones', () => {
  const classes = Array.from({ length: 300 }, (_, i) => `class ${i}`)
  // each of the first 200 is taken once for the one after it, of the last 30 pairs each three times
  const rare = classes.slice(0, 200).map((_, i) => [i, i + 1] as const)
  const often = Array.from({ length: 90 }, (_, i) => [240 + 2 * (i % 30), 241 + 2 * (i % 30)] as const)
  const confusions = [...rare, ...often]
  const logits = new Float32Array(confusions.length * classes.length)
  confusions.forEach(([, named], row) => (logits[row * classes.length + named] = 1))
  const { confused, confusion } = evaluateClassification(
    logits,
    confusions.map(([truth]) => classes[truth]!),
    classes,
    { bootstrapSamples: 0 },
  )
  // the rest are the first of the rare ones, which share classes
  assert.deepEqual(confused, [...classes.slice(0, 40), ...classes.slice(240)])
  assert.equal(confusion[40]![41], 3)
})

test('a label unknown to the model is an error, not a miss', () => {
  assert.throws(() => evaluateClassification(Float32Array.from([1, 2]), ['z'], ['a', 'b']), /class z/)
})

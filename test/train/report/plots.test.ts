import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelManifest } from '../../../src/embedding/model-manifest.js'
import { evaluateClassification } from '../../../src/eval/classification.js'
import type { ModelMetrics } from '../../../src/train/report/model-metrics.js'
import { drawPlots, plotFiles } from '../../../src/train/report/plots.js'

test('the plot of confusions shows the most confused classes if there are many', async () => {
  const classes = Array.from({ length: 300 }, (_, i) => `class ${i}`)
  const logits = new Float32Array(classes.length ** 2)
  classes.forEach((_, row) => (logits[row * classes.length + row] = 1))
  // one of two classes that are confused, and neither of the others
  logits[250 * classes.length + 299] = 2
  const classification = evaluateClassification(logits, classes, classes, { bootstrapSamples: 0 })
  const none = { notMeasured: 'Not measured here.' }
  const metrics = { classification, pairs: none, protocols: { A: none, B: none, C: none } }
  const plots = await drawPlots({} as ModelManifest, metrics as unknown as ModelMetrics)
  const svg = plots.get(plotFiles.confusion)!
  assert.ok(svg.length < 3e5, `${svg.length} characters`)
  assert.equal(svg.match(/>100%</g)?.length, 100)
  assert.match(svg, />class 250</)
  assert.doesNotMatch(svg, />class 251</)
})

test('a class whose mAP@10 is unknown has no bar for it', async () => {
  const classes = ['a', 'b', 'c']
  const classification = evaluateClassification(Float32Array.from([1, 0, 0, 0, 1, 0, 0, 0, 1]), classes, classes, {
    bootstrapSamples: 0,
  })
  const none = { notMeasured: 'Not measured here.' }
  const A = { perClass: { a: { 'mAP@10': 0.5 } } }
  const metrics = { classification, pairs: none, protocols: { A, B: none, C: none } }
  const plots = await drawPlots({} as ModelManifest, metrics as unknown as ModelMetrics)
  assert.equal(plots.get(plotFiles.classes)!.match(/fill="#1f5fa8"/g)?.length, 2, 'its own, and the legend')
})

test('a class may be called like a member of every object', async () => {
  const classes = ['__proto__', 'constructor', 'toString']
  const classification = evaluateClassification(Float32Array.from([1, 0, 0, 0, 1, 0, 0, 1, 0]), classes, classes, {
    bootstrapSamples: 0,
  })
  const none = { notMeasured: 'Not measured here.' }
  const A = { perClass: { constructor: { 'mAP@10': 0.5 } } }
  const metrics = { classification, pairs: none, protocols: { A, B: none, C: none } }
  const plots = await drawPlots({} as ModelManifest, metrics as unknown as ModelMetrics)
  for (const file of [plotFiles.confusion, plotFiles.classes])
    for (const name of classes) assert.match(plots.get(file)!, new RegExp(`>${name}<`))
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ModelManifest } from '../../../src/embedding/model-manifest.js'
import { evaluateClassification } from '../../../src/eval/classification.js'
import type { ModelMetrics } from '../../../src/train/report/model-metrics.js'
import { drawPlots, plotFiles } from '../../../src/train/report/plots.js'

test('the plot of confusions grows with the pictures, not with the square of the classes', async () => {
  const classes = Array.from({ length: 300 }, (_, i) => `class ${i}`)
  const logits = new Float32Array(classes.length ** 2)
  classes.forEach((_, row) => (logits[row * classes.length + row] = 1))
  const classification = evaluateClassification(logits, classes, classes, { bootstrapSamples: 0 })
  const none = { notMeasured: 'Not measured here.' }
  const metrics = { classification, pairs: none, protocols: { A: none, B: none, C: none } }
  const plots = await drawPlots({} as ModelManifest, metrics as unknown as ModelMetrics)
  const svg = plots.get(plotFiles.confusion)!
  assert.ok(svg.length < 1e6, `${svg.length} characters`)
  assert.equal(svg.match(/>100%</g)?.length, classes.length)
})

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { closingLines } from '../../../src/train/report/closing-lines.js'
import type { ModelMetrics } from '../../../src/train/report/model-metrics.js'

const exported = { folder: 'onnx/mine', canQuantize: true }

test('a run ends with its quality and the next commands', async () => {
  const metrics = JSON.parse(await readFile('onnx/har-resnet50/metrics.json', 'utf8')) as ModelMetrics
  const lines = closingLines({ ...exported, metrics }, { data: "my photos/o'clock" })
  assert.match(
    lines[0]!,
    /^on the test pictures: accuracy 0\.\d{3}, mAP@10 0\.\d{3} among themselves, 0\.\d{3} against/,
  )
  assert.deepEqual(lines.slice(1), [
    'all numbers: onnx/mine/model-card.md',
    "next: npm run quantize -- --model onnx/mine --data 'my photos/o'\\''clock'    # int8 for CPUs, fp16 for CUDA",
    '      MODEL_DIR=onnx/mine npm start    # or, if a service is already running:',
    '      npm run model -- install onnx/mine && npm run model -- build GALLERY mine',
    '      npm run model -- switch GALLERY mine    # docs/changing-the-network.md',
  ])
})

test('a run without a report says how to get it', () => {
  assert.match(closingLines(exported, { data: 'd' })[0]!, /no report: --finish/)
})

test('the next command reads the labels that the run read', () => {
  const [, next] = closingLines(exported, { data: 'd', labels: 'my labels.csv' })
  assert.match(next!, / --data d --labels 'my labels\.csv' /)
})

test('smaller precisions are not suggested if val cannot show what they lose', () => {
  const [, next, further] = closingLines({ ...exported, canQuantize: false }, { data: 'd' })
  assert.match(next!, /^next: MODEL_DIR=onnx\/mine npm start /)
  assert.match(further!, /^ {6}npm run model -- install /)
})

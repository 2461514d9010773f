/** What the console reads from a network's metrics, of any version. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { readQuality } from '../../src/console/networks/model-quality.js'

test('the metrics of the default network are read', async () => {
  const quality = readQuality(JSON.parse(await readFile('onnx/har-resnet50/metrics.json', 'utf8')))
  assert.deepEqual(
    quality.numbers.map(({ name }) => name),
    ['mAP@10', 'mAP@50', 'recall@1', 'recall@10', 'knnAccuracy'],
  )
  for (const { value, low, high } of quality.numbers) assert.ok(low! <= value && value <= high!)
  assert.equal(quality.labels.length, 15)
  assert.ok(quality.reliability.length > 5 && quality.accuracy! > 0.7 && quality.rocAuc! > 0.9 && quality.embedMs! > 0)
})

test('missing or unexpected metrics show nothing and break nothing', () => {
  const nothing = { numbers: [], reliability: [], labels: [] }
  for (const metrics of [
    null,
    undefined,
    7,
    [],
    {},
    { protocols: { A: { overall: { 'mAP@10': 'x' }, perClass: [] } } },
  ])
    assert.deepEqual(readQuality(metrics), nothing)
})

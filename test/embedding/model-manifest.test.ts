import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type ModelManifest, modelId, readModel } from '../../src/embedding/model-manifest.js'

const weights = Buffer.from('not really a graph')
const sha256 = createHash('sha256').update(weights).digest('hex')
const preprocessing: ModelManifest['preprocessing'] = {
  inputSize: 128,
  fit: 'squash',
  resizeShortSide: 128,
  kernel: 'linear',
  mean: [1, 2, 3],
  std: [4, 5, 6],
}
const manifest: ModelManifest = {
  manifestVersion: 1,
  id: modelId(sha256, preprocessing),
  name: 'tiny',
  architecture: 'simple-cnn',
  createdAt: '2026-01-01T00:00:00.000Z',
  embeddingDimension: 8,
  preprocessing,
  labels: ['a', 'b'],
  files: { fp32: { file: 'model.onnx', sha256, bytes: weights.length } },
  provenance: { startedFrom: 'random weights' },
}

async function folderWith(t: TestContext, manifestText: string, model: Buffer | null = weights): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'alike-manifest-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'manifest.json'), manifestText)
  if (model !== null) await writeFile(join(folder, 'model.onnx'), model)
  return folder
}

test('a model folder is read as it was written', async (t) => {
  const folder = await folderWith(t, JSON.stringify(manifest))
  assert.deepEqual(await readModel(folder), { folder, manifest })
})

test('a folder may hold only some of the precisions that it names, and reports which it lacks', async (t) => {
  const int8 = { file: 'model.int8.onnx', sha256, bytes: weights.length }
  const both = { ...manifest, files: { ...manifest.files, int8 } }
  const folder = await folderWith(t, JSON.stringify(both), null)
  await writeFile(join(folder, int8.file), weights)
  assert.deepEqual(await readModel(folder), { folder, manifest: both, absent: ['fp32'] })
})

test('the id depends on weights and preprocessing, not on the order of keys', () => {
  const reordered = Object.fromEntries(Object.entries(preprocessing).reverse()) as ModelManifest['preprocessing']
  assert.equal(modelId(sha256, reordered), manifest.id)
  assert.notEqual(modelId(sha256, { ...preprocessing, fit: 'cover' }), manifest.id)
  assert.notEqual(modelId(sha256, { ...preprocessing, mean: [1, 2, 4] }), manifest.id)
  assert.notEqual(modelId(sha256.replace(/^./, 'x'), preprocessing), manifest.id)
})

test('an inconsistent folder is refused with a reason', async (t) => {
  const rows: [reason: RegExp, text: string, model?: Buffer | null][] = [
    [/schema/, 'not JSON'],
    [/schema/, JSON.stringify({ ...manifest, embeddingDimension: 'eight' })],
    [/schema/, JSON.stringify({ ...manifest, surprise: true })],
    [/schema/, JSON.stringify({ ...manifest, files: { fp32: { ...manifest.files.fp32, file: '../model.onnx' } } })],
    [/id/, JSON.stringify({ ...manifest, id: '0'.repeat(16) })],
    [/id/, JSON.stringify({ ...manifest, preprocessing: { ...preprocessing, kernel: 'cubic' } })],
    [/checksum/, JSON.stringify(manifest), Buffer.from('other weights')],
    [/cannot be read/, JSON.stringify(manifest), null],
  ]
  for (const [reason, text, model] of rows) {
    await assert.rejects(readModel(await folderWith(t, text, model)), { code: 'model_unreadable', message: reason })
  }
  await assert.rejects(readModel(join(tmpdir(), 'alike-no-such-folder')), { code: 'model_unreadable' })
})

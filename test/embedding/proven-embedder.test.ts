import assert from 'node:assert/strict'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Golden } from '../../src/embedding/golden-check.js'
import { type ModelManifest, readModel } from '../../src/embedding/model-manifest.js'
import { openProvenEmbedder } from '../../src/embedding/proven-embedder.js'
import { createMetrics } from '../../src/metrics/metrics.js'
import { temporaryFolder } from '../support/app.js'
import { tinyModel } from '../support/tiny-model.js'

/** The tiny model with a second precision, "int8", whose golden embeddings come from a different computation. */
async function withWrongInt8(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t)
  await cp(await tinyModel(), folder, { recursive: true })
  const read = async <T>(file: string): Promise<T> => JSON.parse(await readFile(join(folder, file), 'utf8')) as T
  const write = (file: string, value: object): Promise<void> => writeFile(join(folder, file), JSON.stringify(value))
  await cp(join(folder, 'model.onnx'), join(folder, 'model.int8.onnx'))
  const manifest = await read<ModelManifest>('manifest.json')
  await write('manifest.json', {
    ...manifest,
    files: { ...manifest.files, int8: { ...manifest.files.fp32, file: 'model.int8.onnx' } },
  })
  const golden = await read<Golden>('golden/golden.json')
  await write('golden/golden.json', {
    ...golden,
    embeddings: { ...golden.embeddings, int8: golden.embeddings.fp32!.toReversed() },
  })
  return folder
}

function optionsOf(model: Awaited<ReturnType<typeof readModel>>) {
  const metrics = createMetrics()
  const warnings: string[] = []
  const logger = { info: () => {}, warn: (_: object, message: string) => void warnings.push(message), error: () => {} }
  return {
    metrics,
    warnings,
    options: {
      model,
      provider: 'cpu' as const,
      requireCuda: false,
      workers: 1,
      maxBatch: 1,
      maxQueue: 1,
      logger,
      metrics: metrics.embedding,
    },
  }
}

test('a precision that computes differently on this machine is skipped in favour of the next one, and reported', async (t) => {
  const { options, metrics, warnings } = optionsOf(await readModel(await withWrongInt8(t)))
  const embedder = await openProvenEmbedder(options)
  t.after(() => embedder.close())
  assert.equal(embedder.runtime.precision, 'fp32')
  assert.match(embedder.runtime.precisionFallbackReason ?? '', /^The int8 model gives other embeddings on this machine/)
  assert.deepEqual(warnings, ['skipping this precision of the model'])
  const { text } = await metrics.expose()
  assert.deepEqual(
    text.match(/^alike_runtime_info\{.*precision="(\w+)"/gm)?.map((line) => /precision="(\w+)"/.exec(line)![1]),
    ['fp32'],
  )
  assert.match(text, /alike_golden_min_cosine\{precision="fp32"\} (1|0\.9999)/)
})

test('if no other precision exists, it does not open', async (t) => {
  const model = await readModel(await withWrongInt8(t))
  const { options } = optionsOf({ ...model, absent: ['fp32'] })
  await assert.rejects(openProvenEmbedder(options), {
    code: 'golden_mismatch',
    message: /The int8 model gives other embeddings/,
  })
})

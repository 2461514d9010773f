import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { EmbedderLogger } from '../../src/embedding/embedder.js'
import type { Model, ModelManifest } from '../../src/embedding/model-manifest.js'
import { openEmbedder } from '../../src/embedding/pooled-embedder.js'
import { workersWithin } from '../../src/embedding/provider.js'
import { type ProviderOptions, planRuntime } from '../../src/embedding/runtime-plan.js'
import { SessionOpenError } from '../../src/embedding/session.js'
import { AlikeError } from '../../src/errors.js'
import { createMetrics } from '../../src/metrics/metrics.js'
import { handmadeModel } from '../support/handmade-onnx.js'

const hasCode = (code: string) => (error: unknown) => error instanceof AlikeError && error.code === code

async function optionsFor(model: Model, options: Partial<ProviderOptions> = {}) {
  const metrics = createMetrics()
  const warnings: string[] = []
  const logger: EmbedderLogger = { info: () => {}, warn: (_, message) => void warnings.push(message), error: () => {} }
  return {
    metrics,
    warnings,
    options: {
      model,
      provider: 'cpu' as const,
      requireCuda: false,
      workers: 1,
      maxBatch: 0,
      maxQueue: 10,
      logger,
      metrics: metrics.embedding,
      ...options,
    },
  }
}

const file = (name: string) => ({ file: name, sha256: '0'.repeat(64), bytes: 1 })
const all = { fp32: file('model.onnx'), fp16: file('model.fp16.onnx'), int8: file('model.int8.onnx') }
const plans: { provider: 'cpu' | 'cuda'; files: ModelManifest['files']; maxBatch: number; expected: object }[] = [
  {
    provider: 'cpu',
    files: all,
    maxBatch: 0,
    expected: { precision: 'int8', workers: 6, padded: false, batchSizes: [1, 2, 4] },
  },
  {
    provider: 'cpu',
    files: { fp32: all.fp32, fp16: all.fp16 },
    maxBatch: 15,
    expected: { precision: 'fp32', workers: 6, padded: false, batchSizes: [1, 2, 4, 8] },
  },
  {
    provider: 'cuda',
    files: all,
    maxBatch: 0,
    expected: { precision: 'fp16', workers: 6, padded: true, batchSizes: [1, 4, 16, 64] },
  },
  {
    provider: 'cuda',
    files: { fp32: all.fp32, int8: all.int8 },
    maxBatch: 1,
    expected: { precision: 'fp32', workers: 6, padded: true, batchSizes: [1] },
  },
]
for (const { provider, files, maxBatch, expected } of plans) {
  test(`${provider} with ${Object.keys(files).join(', ')} and maxBatch ${maxBatch}: ${JSON.stringify(expected)}`, async (t) => {
    const model = await handmadeModel(t)
    const manifest = { ...model.manifest, files }
    const plan = planRuntime(provider, {
      model: { ...model, manifest },
      provider,
      requireCuda: false,
      workers: 6,
      maxBatch,
    })
    const {
      precision,
      workers,
      padded,
      sessions: [session],
    } = plan
    const { batchSizes, modelPath } = session!
    assert.deepEqual({ precision, workers, padded, batchSizes }, expected)
    assert.equal(modelPath, join(model.folder, files[precision]?.file ?? ''))
  })
}

test('a picture that is alone may have as many threads as there are workers, on the CPU', async (t) => {
  const options = { model: await handmadeModel(t), provider: 'cpu' as const, requireCuda: false, maxBatch: 0 }
  const threads = (workers: number, loneThreads?: number) =>
    planRuntime('cpu', { ...options, workers, loneThreads }).lone.map(({ threads, batchSizes }) => [
      threads,
      batchSizes,
    ])
  assert.deepEqual(threads(6, 0), [
    [2, [1]],
    [4, [1]],
  ])
  assert.deepEqual(threads(16, 2), [[2, [1]]])
  assert.deepEqual([threads(1, 0), threads(2, 1), threads(2)], [[], [], []])
  assert.deepEqual(planRuntime('cuda', { ...options, workers: 2, loneThreads: 0 }).lone, [])
})

test('on CUDA each GPU has its own workers, each with one session per batch size', async (t) => {
  const options = {
    model: await handmadeModel(t),
    provider: 'cuda' as const,
    requireCuda: false,
    workers: 0,
    maxBatch: 0,
  }
  const plan = planRuntime('cuda', { ...options, cuda: { devices: [1, 3, 1], batchSizes: [8, 1, 8, 32] } })
  assert.deepEqual([plan.workers, plan.sharers, plan.devices, plan.batchSizes], [4, 2, [1, 3], [1, 8, 32]])
  assert.deepEqual(
    plan.sessions.map(({ deviceId, sessionPerBatchSize }) => ({ deviceId, sessionPerBatchSize })),
    [
      { deviceId: 1, sessionPerBatchSize: true },
      { deviceId: 3, sessionPerBatchSize: true },
    ],
  )
  const sizes = (batchSizes: number[], maxBatch: number) =>
    planRuntime('cuda', { ...options, maxBatch, cuda: { batchSizes } }).batchSizes
  assert.deepEqual([sizes([1, 4, 16, 64], 20), sizes([16], 0), sizes([16, 64], 8)], [[1, 4, 16], [16], [8]])
  assert.deepEqual(planRuntime('cuda', options).devices, [0])
  assert.equal(planRuntime('cuda', { ...options, workers: 3, cuda: { devices: [0, 1] } }).workers, 6)
  const [cpu] = planRuntime('cpu', { ...options, cuda: { devices: [1], batchSizes: [8] } }).sessions
  assert.deepEqual([cpu?.batchSizes, cpu?.sessionPerBatchSize], [[1, 2, 4], undefined])
})

test('on a GPU, as many of the configured workers start as fit into their memory budget', () => {
  const GiB = 2 ** 30
  assert.equal(workersWithin(8 * GiB, [2 * GiB], 2), 2)
  assert.equal(workersWithin(3 * GiB, [2 * GiB], 2), 1)
  assert.equal(workersWithin(8 * GiB, [2 * GiB, 3 * GiB], 4), 2, 'the GPU on which it used the most memory decides')
  assert.equal(workersWithin(GiB, [-1], 2), 2, 'another process has released more in the meantime')
  assert.throws(
    () => workersWithin(GiB, [2 * GiB], 2),
    (error) =>
      error instanceof SessionOpenError &&
      /2147483648 bytes of the GPU, and 1073741824 are allowed/.test(error.message),
  )
  assert.throws(() => workersWithin(GiB, undefined, 2), /nvidia-smi does not tell/)
})

test('a precision missing from the folder is not chosen', async (t) => {
  const model = await handmadeModel(t)
  const lacking = (absent: ('fp32' | 'int8')[]) =>
    planRuntime('cpu', {
      model: { ...model, manifest: { ...model.manifest, files: all }, absent },
      provider: 'cpu',
      requireCuda: false,
      workers: 1,
      maxBatch: 0,
    }).precision
  assert.deepEqual([lacking(['fp32']), lacking(['int8']), lacking(['fp32', 'int8'])], ['int8', 'fp32', 'fp16'])
})

// The next two apply to machines without the CUDA library, as after `npm ci`.
test('if cuda is requested but unavailable, the CPU is used, and description, metric and log say so', async (t) => {
  const { options, metrics, warnings } = await optionsFor(await handmadeModel(t), { provider: 'cuda' })
  const embedder = await openEmbedder(options)
  t.after(() => embedder.close())
  if (embedder.runtime.provider === 'cuda') return t.skip('this machine has CUDA')
  assert.equal(embedder.runtime.fallbackReason, 'the CUDA provider library is not installed')
  assert.equal(warnings.length, 1)
  const text = (await metrics.expose()).text
  assert.match(text, /^alike_cuda_fallback 1$/m)
  assert.match(text, /^alike_runtime_info\{provider="cpu",precision="fp32",model_id="[0-9a-f]{16}",/m)
})

test('auto on a machine without CUDA is not a fallback', async (t) => {
  const { options, metrics, warnings } = await optionsFor(await handmadeModel(t), { provider: 'auto' })
  const embedder = await openEmbedder(options)
  t.after(() => embedder.close())
  if (embedder.runtime.provider === 'cuda') return t.skip('this machine has CUDA')
  assert.equal(embedder.runtime.fallbackReason, undefined)
  assert.deepEqual(warnings, [])
  assert.match((await metrics.expose()).text, /^alike_cuda_fallback 0$/m)
})

test('required CUDA that is unavailable prevents the start', async (t) => {
  const { options } = await optionsFor(await handmadeModel(t), { provider: 'cpu', requireCuda: true })
  await assert.rejects(openEmbedder(options), hasCode('cuda_unavailable'))
  const auto = { ...options, provider: 'auto' as const }
  await openEmbedder(auto).then(
    async (embedder) => {
      await embedder.close()
      t.skip('this machine has CUDA')
    },
    (error: unknown) => assert(hasCode('cuda_unavailable')(error)),
  )
})

test('a damaged model is reported at once', async (t) => {
  const model = await handmadeModel(t)
  await writeFile(join(model.folder, 'model.onnx'), 'not an ONNX graph')
  const { options } = await optionsFor(model)
  await assert.rejects(openEmbedder(options), hasCode('model_unreadable'))
})

test('a model whose outputs contradict its manifest is reported at once', async (t) => {
  const { options } = await optionsFor(await handmadeModel(t, { dimension: 6, statedDimension: 7 }))
  await assert.rejects(
    openEmbedder(options),
    (error) => hasCode('model_unreadable')(error) && /returns 6 dimensions/.test(String(error)),
  )
})

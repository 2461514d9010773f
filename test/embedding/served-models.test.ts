import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ModelFolders } from '../../src/embedding/model-folders.js'
import { openProvenEmbedder } from '../../src/embedding/proven-embedder.js'
import { ServedModels, type ServedModelsOptions } from '../../src/embedding/served-models.js'
import { createMetrics } from '../../src/metrics/metrics.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const logger = { info() {}, warn() {}, error() {} }

/** The default model and two more, with 6, 7 and 8 dimensions. */
async function threeModels(t: TestContext, options: Partial<ServedModelsOptions> = {}) {
  const folder = await temporaryFolder(t)
  const standard = await handmadeModel(t, { dimension: 6, name: 'six' })
  for (const [name, dimension] of [
    ['seven', 7],
    ['eight', 8],
  ] as const)
    await cp((await handmadeModel(t, { dimension, name })).folder, join(folder, name), { recursive: true })
  const opened: string[] = []
  const models = await ServedModels.open({
    folders: await ModelFolders.open(standard.folder, folder, logger),
    open: (model) => {
      opened.push(model.manifest.name)
      return openProvenEmbedder({
        model,
        provider: 'cpu',
        requireCuda: false,
        workers: 1,
        maxBatch: 1,
        maxQueue: 4,
        logger,
        metrics: createMetrics().embedding,
      })
    },
    openMax: 2,
    idleMs: 3_600_000,
    logger,
    ...options,
  })
  t.after(() => models.close())
  const idOf = (name: string) => models.folders.get(name).manifest.id
  const dimensionOf = (name: string) =>
    models.use(idOf(name), async (embedder) => {
      const { vector } = await embedder.embed(new Uint8Array(8 * 8 * 3).fill(99))
      return vector.length
    })
  return { models, opened, idOf, dimensionOf }
}

test('each model embeds with its own network, and is opened once, when first needed', async (t) => {
  const { opened, dimensionOf, models, idOf } = await threeModels(t)
  assert.deepEqual(opened, ['six'])
  assert.equal(models.running(idOf('seven')), undefined)
  assert.deepEqual(await Promise.all(['seven', 'six', 'seven'].map(dimensionOf)), [7, 6, 7])
  assert.deepEqual(opened, ['six', 'seven'])
  assert.equal(models.openCount, 2)
})

test('the least recently used model makes room; while all are busy the next request must wait', async (t) => {
  const { opened, dimensionOf, models, idOf } = await threeModels(t)
  assert.equal(await dimensionOf('seven'), 7)
  assert.equal(await dimensionOf('eight'), 8)
  assert.equal(models.openCount, 2)
  assert.equal(models.running(idOf('seven')), undefined)
  await models.use(idOf('eight'), () => assert.rejects(dimensionOf('seven'), { code: 'overloaded' }))
  assert.equal(await dimensionOf('seven'), 7)
  assert.deepEqual(opened, ['six', 'seven', 'eight', 'seven'])
})

test('a model that never finds room beside the default one is refused for good', async (t) => {
  const { dimensionOf } = await threeModels(t, { openMax: 1 })
  await assert.rejects(dimensionOf('seven'), {
    code: 'models_full',
    detail: 'MODELS_OPEN_MAX is 1, and the default model always stays in memory.',
    retryAfterSeconds: undefined,
  })
  assert.equal(await dimensionOf('six'), 6)
})

test('an unused model is unloaded, but never the default one nor a busy one', async (t) => {
  const { dimensionOf, models, idOf } = await threeModels(t, { idleMs: 1, openMax: 3 })
  await models.use(idOf('seven'), async () => {
    await dimensionOf('seven')
    await dimensionOf('eight')
    await t.waitFor(() => assert.equal(models.running(idOf('eight')), undefined))
    assert.notEqual(models.running(idOf('seven')), undefined)
  })
  await t.waitFor(() => assert.equal(models.openCount, 1))
  assert.equal(await dimensionOf('six'), 6)
})

test('a model that cannot be opened fails its request, and the next request retries', async (t) => {
  let broken = true
  const standard = await handmadeModel(t)
  const folder = await temporaryFolder(t)
  await cp((await handmadeModel(t, { dimension: 7, name: 'seven' })).folder, join(folder, 'seven'), { recursive: true })
  const models = await ServedModels.open({
    folders: await ModelFolders.open(standard.folder, folder, logger),
    open: (model) => {
      if (model.manifest.name === 'seven' && broken) return Promise.reject(new Error('no memory'))
      return openProvenEmbedder({
        model,
        provider: 'cpu',
        requireCuda: false,
        workers: 1,
        maxBatch: 1,
        maxQueue: 4,
        logger,
        metrics: createMetrics().embedding,
      })
    },
    openMax: 2,
    idleMs: 1_000,
    logger,
  })
  t.after(() => models.close())
  const { id } = models.folders.get('seven').manifest
  await assert.rejects(
    models.use(id, () => Promise.resolve()),
    /no memory/,
  )
  broken = false
  assert.equal(await models.use(id, (embedder) => Promise.resolve(embedder.model.manifest.name)), 'seven')
  await assert.rejects(
    models.use('0123456789abcdef', () => Promise.resolve()),
    { code: 'model_mismatch' },
  )
})

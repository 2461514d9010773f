/** `/docs` is where people try the service first, so its default values must work. */
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { readConfig } from '../../src/config/read-config.js'
import { startApp, type TestApp } from '../support/app.js'
import { tarOf, zipOf, zstdOf } from '../support/archives.js'
import { drawImage } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { installModel } from '../support/installed-model.js'
import { type Brought, prefilled, type ReferenceDocument, type ReferenceOperation } from '../support/prefilled.js'
import { until } from '../support/until.js'

const gallery = '/v1/galleries/holidays'
const stored = ['cycling/Image_12.jpg', 'cycling/Image_7.jpg', 'running/Image_2.jpg'].map(
  (id) => `${gallery}/images/${encodeURIComponent(id)}`,
)

/** As named in examples. */
const otherModel = 'resnet50'
/** A fresh service has one engine: a gallery cannot move until its owner has configured another. */
const refusalOf: Record<string, string> = { moveGallery: 'engine_not_found' }

test('every operation works as the page fills it in, with each of its content types', async (t) => {
  const files = await filesToUpload()
  const remote = {
    isEnabled: true,
    expectAllowed() {},
    fetch: async () => files['image/*']!,
    size: async () => undefined,
    close: async () => {},
  }
  const modelFiles = archivesOf(await modelArchive(t))
  // the job over the example's bucket is accepted; that no store answers does not matter here
  const bucket = { ingestS3Buckets: 'photos', ingestS3Endpoint: 'http://127.0.0.1:9' }
  const app = await startApp(t, { modelDir: readConfig({}).modelDir, ...bucket }, remote)
  await installModel(app, (await handmadeModel(t, { name: otherModel })).folder)
  const { paths } = await app.call<ReferenceDocument>(200, { method: 'GET', url: '/docs/json' })
  const refused: string[] = []
  let sent = 0
  let isFilled = false
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const { length } = prefilled(method, path, operation, { path: {}, files })
      for (let index = 0; index < length; index++) {
        const ofModel = operation.operationId === 'installModel' ? modelFiles : {}
        if (!isFilled) await fillGallery(app, files)
        const brought = { path: await whatExists(app, path, operation), files: { ...files, ...ofModel } }
        const { name, request } = prefilled(method, path, operation, brought)[index]!
        const { statusCode, body } = await app.app.inject(request)
        sent++
        isFilled = onlyReads(method, operation)
        const wanted = refusalOf[operation.operationId]
        if (wanted === undefined ? statusCode >= 400 : (JSON.parse(body) as { code?: string }).code !== wanted)
          refused.push(`${name}: ${statusCode} ${body.slice(0, 300)}`)
      }
    }
  }
  assert.deepEqual(refused, [])
  assert.ok(sent > 60, `${sent} requests`)
})

/** After which the gallery need not be filled again. */
function onlyReads(method: string, { operationId }: ReferenceOperation): boolean {
  return method === 'get' || /^(search|embed|compare|explain)/.test(operationId)
}

async function fillGallery(app: TestApp, files: Brought['files']): Promise<void> {
  await app.app.inject({ method: 'DELETE', url: gallery })
  await app.call(201, { method: 'PUT', url: gallery })
  const payload = files['image/*']!
  const headers = { 'content-type': 'image/jpeg' }
  for (const url of stored) await app.call(201, { method: 'PUT', url: `${url}?label=cycling`, payload, headers })
}

/** A fresh service with one gallery, and one of everything else that an operation needs. */
async function whatExists(
  app: TestApp,
  path: string,
  { operationId }: ReferenceOperation,
): Promise<Record<string, string>> {
  if (operationId === 'createGallery') {
    await app.app.inject({ method: 'DELETE', url: gallery })
    return {}
  }
  if (path.includes('{job}')) return { job: await jobFor(app, operationId) }
  if (operationId === 'getLayout') await laidOut(app)
  if (operationId === 'removeModel') return { model: 'handmade' } // already installed
  if (path.includes('/sets/{model}') || path.endsWith('/serving')) await otherSet(app)
  if (path.includes('/sets/{model}')) return { model: otherModel }
  if (path.includes('{decision}')) return { decision: await decisionOf(app) }
  return path.includes('{snapshot}') ? { snapshot: await snapshotOf(app) } : {}
}

/** A job in progress if it is to be cancelled, else one that has ended with a result. */
async function jobFor(app: TestApp, operationId: string): Promise<string> {
  const { id } = await app.call<{ id: string }>(202, { method: 'POST', url: `${gallery}/evaluate` })
  if (!['cancelJob', 'steerJob'].includes(operationId))
    await until(async () => (await stateOf(app, `/v1/jobs/${id}`)) === 'succeeded')
  return id
}

async function snapshotOf(app: TestApp): Promise<string> {
  const started = await until(async () => {
    const response = await app.app.inject({ method: 'POST', url: '/v1/snapshots' })
    return response.statusCode === 202 && response // only one may be in progress
  })
  const { id } = started.json<{ id: string }>()
  await until(async () => (await stateOf(app, `/v1/snapshots/${id}`)) === 'ready')
  return id
}

async function decisionOf(app: TestApp): Promise<string> {
  const payload = { kind: 'label', ids: ['cycling/Image_12.jpg'], decision: 'dismissed' }
  return (await app.call<{ id: string }>(201, { method: 'POST', url: `${gallery}/decisions`, payload })).id
}

async function stateOf(app: TestApp, url: string): Promise<string> {
  return (await app.call<{ state: string }>(200, { method: 'GET', url })).state
}

async function laidOut(app: TestApp): Promise<void> {
  const { id } = await app.call<{ id: string }>(202, { method: 'POST', url: `${gallery}/layout` })
  await until(async () => (await stateOf(app, `/v1/jobs/${id}`)) === 'succeeded')
}

async function otherSet(app: TestApp): Promise<void> {
  const request = { method: 'POST', url: `${gallery}/sets`, payload: { model: otherModel } } as const
  const { id } = await app.call<{ id: string }>(202, request)
  await until(async () => (await stateOf(app, `/v1/jobs/${id}`)) === 'succeeded')
}

async function filesToUpload(): Promise<Brought['files']> {
  const image = await drawImage('circle', 1)
  const entries = [{ path: 'cycling/1.jpg', content: image }]
  return { 'image/*': image, ...archivesOf(await tarOf(entries)), 'application/zip': zipOf(entries) }
}

function archivesOf(tar: Buffer): Brought['files'] {
  return {
    'application/x-tar': tar,
    'application/gzip': gzipSync(tar),
    'application/zstd': zstdOf(tar),
    'application/octet-stream': tar,
  }
}

async function modelArchive(t: TestContext): Promise<Buffer> {
  const { folder } = await handmadeModel(t, { dimension: 12 })
  const names = await readdir(folder)
  return tarOf(
    await Promise.all(names.map(async (name) => ({ path: name, content: await readFile(join(folder, name)) }))),
  )
}

test('the contract is written once, not for each request', async (t) => {
  const { app } = await startApp(t)
  const { statusCode, headers } = await app.inject('/docs/yaml')
  assert.deepEqual([statusCode, headers.location], [302, '/openapi.yaml'])
  const { mock } = t.mock.method(app, 'swagger')
  const documents = [await app.inject('/docs/json'), await app.inject('/docs/json')]
  assert.equal(documents[0]!.body, documents[1]!.body)
  assert.equal(mock.callCount(), 1)
})

test('the page has its own title and icon', async (t) => {
  const { app } = await startApp(t)
  const { body } = await app.inject('/docs')
  assert.match(body, /<title>Alike API reference<\/title>/)
  const icon = /<link rel="icon" type="image\/svg\+xml" href="([^"]+)"/.exec(body)?.[1]
  const { statusCode, headers } = await app.inject(icon ?? '/none')
  assert.deepEqual([statusCode, headers['content-type']], [200, 'image/svg+xml'])
})

import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { json } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startApp, type TestApp, temporaryFolder } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { archiveOfModel } from '../support/installed-model.js'
import { rawConnection } from '../support/raw-connection.js'
import { until } from '../support/until.js'

const install = (payload: Buffer) => ({
  method: 'POST' as const,
  url: '/v1/models',
  headers: { 'content-type': 'application/x-tar' },
  payload,
})

interface ModelAnswer {
  id: string
  name: string
  standard: boolean
  runtime: object | null
}

async function withTwo(t: TestContext): Promise<{ service: TestApp; second: ModelAnswer; archive: Buffer }> {
  const service = await startApp(t)
  const archive = await archiveOfModel((await handmadeModel(t, { dimension: 12, name: 'twelve' })).folder)
  return { service, archive, second: await service.call<ModelAnswer>(201, install(archive)) }
}

const image = (await drawImage('circle', 1)).toString('base64')

test('a model is installed while the service runs; a gallery that requests it is embedded and searched with it', async (t) => {
  const { service, second, archive } = await withTwo(t)
  const { call } = service
  assert.deepEqual([second.name, second.standard, second.runtime], ['twelve', false, null])
  assert.equal((await call<ModelAnswer>(200, install(archive))).id, second.id)
  const { models } = await call<{ models: ModelAnswer[] }>(200, { url: '/v1/models' })
  assert.deepEqual(
    models.map(({ name, standard }) => [name, standard]),
    [
      ['handmade', true],
      ['twelve', false],
    ],
  )
  for (const [gallery, model, dimension] of [
    ['first', undefined, 24],
    ['second', 'twelve', 12],
  ] as const) {
    const made = await call(201, {
      method: 'PUT',
      url: `/v1/galleries/${gallery}`,
      payload: { ...(model && { model }) },
    })
    assert.equal(made.dimension, dimension)
    await call(201, { method: 'PUT', url: `/v1/galleries/${gallery}/images/a`, payload: { image } })
    const answer = await call<{ modelId: string; vector: number[]; hits: { id: string; score: number }[] }>(200, {
      method: 'POST',
      url: `/v1/galleries/${gallery}/search`,
      payload: { image, include: ['vector'] },
    })
    assert.deepEqual([answer.modelId, answer.vector.length], [made.modelId, dimension])
    assert.deepEqual(
      answer.hits.map(({ id, score }) => [id, score]),
      [['a', 1]],
    )
  }
  const asked = await call<{ vector: number[] }>(200, {
    method: 'POST',
    url: '/v1/embeddings',
    payload: { image, model: 'twelve' },
  })
  assert.equal(asked.vector.length, 12)
  const { models: now } = await call<{ models: ModelAnswer[] }>(200, { url: '/v1/models' })
  assert.notEqual(now[1]!.runtime, null)
})

test('a gallery cannot be created with a missing model, nor recreated with another one', async (t) => {
  const { service } = await withTwo(t)
  const make = (status: number, model?: string) =>
    service.call(status, { method: 'PUT', url: '/v1/galleries/a', payload: { ...(model && { model }) } })
  assert.equal((await make(404, 'none')).code, 'model_not_found')
  await make(201, 'twelve')
  await make(200, 'twelve')
  await make(200)
  assert.equal((await make(409, 'handmade')).code, 'gallery_exists')
})

test('a gallery whose model is installed while the service runs is searched and added to from then on', async (t) => {
  const dataDir = await temporaryFolder(t)
  const { folder: modelDir } = await handmadeModel(t, { dimension: 12, name: 'twelve' })
  const former = await startApp(t, { dataDir, modelDir })
  await former.call(201, { method: 'PUT', url: '/v1/galleries/a' })
  for (const id of ['kept', 'removed'])
    await former.call(201, { method: 'PUT', url: `/v1/galleries/a/images/${id}`, payload: { image } })
  await former.close()

  const { call } = await startApp(t, { dataDir })
  const search = { method: 'POST' as const, url: '/v1/galleries/a/search', payload: { image } }
  assert.equal((await call(409, search)).code, 'model_mismatch')
  await call(201, install(await archiveOfModel(modelDir)))
  // the first search builds the index while a picture is removed
  await Promise.all([call(200, search), call(204, { method: 'DELETE', url: '/v1/galleries/a/images/removed' })])
  await call(201, { method: 'PUT', url: '/v1/galleries/a/images/added', payload: { image } })
  const { hits } = await call(200, search)
  assert.deepEqual(hits.map(({ id }) => id).sort(), ['added', 'kept'])
})

test('a model can be removed when no gallery uses it; the default one stays', async (t) => {
  const { service, second } = await withTwo(t)
  const remove = (status: number, model: string) =>
    service.call(status, { method: 'DELETE', url: `/v1/models/${model}` })
  await service.call(201, { method: 'PUT', url: '/v1/galleries/a', payload: { model: 'twelve' } })
  assert.equal((await remove(409, 'twelve')).code, 'model_in_use')
  await service.call(204, { method: 'DELETE', url: '/v1/galleries/a' })
  await remove(204, second.id)
  await remove(404, second.id)
  assert.equal((await remove(409, 'handmade')).code, 'model_in_use')
})

test('of two requests that delete a model at once, one finds none', async (t) => {
  const { service } = await withTwo(t)
  const remove = () => service.app.inject({ method: 'DELETE', url: '/v1/models/twelve' })
  const answers = await Promise.all([remove(), remove()])
  assert.deepEqual(answers.map(({ statusCode }) => statusCode).sort(), [204, 404])
})

test('an upload that is given up before its first byte does not keep others from installing', async (t) => {
  const service = await startApp(t)
  const archive = await archiveOfModel((await handmadeModel(t, { dimension: 12, name: 'twelve' })).folder)
  const connection = rawConnection(t, await service.listen())
  connection.write(
    'POST /v1/models HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-tar\r\ncontent-length: 5000\r\n\r\n',
  )
  const folder = join(service.config.dataDir, 'models')
  await until(async () => (await readdir(folder).catch(() => [])).length === 1, 'the beginning of the upload')
  assert.equal((await service.call(429, install(archive))).code, 'overloaded')
  connection.socket.destroy()
  // the folder is gone a moment before others may install
  const isInstalled = () => service.call(201, install(archive)).then(Boolean, () => false)
  await until(isInstalled, 'the end of the upload')
  assert.deepEqual(await readdir(folder), ['twelve'])
})

test('a slow upload is accepted, as uploads to jobs are; one that stalls is told so and does not keep others from installing', async (t) => {
  const service = await startApp(t, { bodyTimeoutMs: 200, uploadLagMaxMs: 5_000, uploadMinBytesPerSecond: 1_000 })
  const archive = await archiveOfModel((await handmadeModel(t, { dimension: 12, name: 'twelve' })).folder)
  const address = await service.listen()
  const send = (bytes: Readable) => sendModel(address, bytes)
  async function* slowly() {
    yield archive.subarray(0, 1_000)
    await sleep(600)
    yield archive.subarray(1_000)
  }
  async function* stalling() {
    yield archive.subarray(0, 1_000)
    await sleep(60_000, undefined, { ref: false })
  }
  const stalled = await send(Readable.from(stalling()))
  assert.deepEqual([stalled.status, stalled.code], [408, 'upload_too_slow'])
  assert.equal((await send(Readable.from(slowly()))).status, 201)
  assert.deepEqual(await readdir(join(service.config.dataDir, 'models')), ['twelve'])
})

test('a large upload that is no model is answered while it is still being sent', async (t) => {
  const service = await startApp(t)
  const address = await service.listen()
  const megabyte = Buffer.alloc(1_000_000, 'no archive ')
  const refused = await sendModel(address, Readable.from(Array.from({ length: 30 }, () => megabyte)))
  assert.deepEqual([refused.status, refused.code], [422, 'model_unreadable'])
  await service.call(200, { url: '/v1/models' })
})

/** What the service answers, whether or not it reads all. */
async function sendModel(address: string, bytes: Readable): Promise<{ status: number; code?: string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { 'content-type': 'application/x-tar' }
    const outgoing = request(`${address}/v1/models`, { method: 'POST', headers }, resolve).on('error', reject)
    bytes.pipe(outgoing)
  })
  const { code } = (await json(response)) as { code?: string }
  return { status: response.statusCode!, ...(code !== undefined && { code }) }
}

test('anything but a model is refused and leaves nothing', async (t) => {
  const service = await startApp(t, { modelMaxBytes: 1_000 })
  assert.equal((await service.call(422, install(Buffer.from('no archive at all'.repeat(99))))).code, 'model_unreadable')
  assert.equal((await service.call(422, { method: 'POST', url: '/v1/models' })).code, 'model_unreadable')
  assert.equal(
    (await service.call(415, { method: 'POST', url: '/v1/models', payload: {} })).code,
    'media_type_unsupported',
  )
  const archive = await archiveOfModel((await handmadeModel(t, { dimension: 12, name: 'twelve' })).folder)
  assert.equal((await service.call(413, install(archive))).code, 'body_too_large')
  const { models } = await service.call<{ models: ModelAnswer[] }>(200, { url: '/v1/models' })
  assert.equal(models.length, 1)
  assert.deepEqual(await readdir(join(service.config.dataDir, 'models')), [])
})

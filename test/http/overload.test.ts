/** At capacity, everything that needs the model is admitted by the same rules; and nobody can hold up a stop. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { InjectOptions } from 'fastify'
import { type Answer, startApp, type TestApp, temporaryFolder } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { formBody, formHeaders } from '../support/forms.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { webpOf } from '../support/hostile-images.js'
import { rawConnection } from '../support/raw-connection.js'
import { startProcess } from '../support/service-process.js'
import { until } from '../support/until.js'

const search = '/v1/galleries/g/search'

/** An admitted request that sends no more of its body. */
async function holder(t: TestContext, address: string, type = 'image/jpeg', path = search): Promise<Socket> {
  const connection = rawConnection(t, address)
  // `Expect: 100-continue`: being told to continue shows that it was admitted
  connection.write(
    `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\ncontent-length: 5000\r\nexpect: 100-continue\r\n\r\n`,
  )
  assert.match(await connection.arrival('\r\n\r\n'), /^HTTP\/1\.1 100/)
  connection.write('some')
  return connection.socket
}

async function untilMetric({ app }: TestApp, line: RegExp): Promise<void> {
  await until(async () => line.test((await app.inject('/metrics')).body), `the metric ${line.source}`)
}

test('at capacity all requests for the model are refused alike, and accepted as soon as there is room', async (t) => {
  const app = await startApp(t, { requestsMax: 1 })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const content = await drawImage('circle', 1)
  const image = content.toString('base64')
  const raw = { headers: { 'content-type': 'image/jpeg' }, payload: content }
  const form = (count: number) => ({
    headers: formHeaders,
    payload: formBody(Array.from({ length: count }, (_, n) => ({ name: 'image', filename: `${n}.jpg`, content }))),
  })
  const rows: [name: string, request: InjectOptions, status: number][] = [
    ['store', { method: 'PUT', url: '/v1/galleries/g/images/a', ...raw }, 201],
    ['one picture', { method: 'POST', url: search, ...raw }, 200],
    ['eight pictures', { method: 'POST', url: search, ...form(8) }, 200],
    ['JSON', { method: 'POST', url: search, payload: { images: [image, image] } }, 200],
    ['store under its hash', { method: 'POST', url: '/v1/galleries/g/images', ...raw }, 201],
    ['embed', { method: 'POST', url: '/v1/embeddings', ...raw }, 200],
    ['compare', { method: 'POST', url: '/v1/compare', ...form(2) }, 200],
  ]
  const address = await app.listen()
  const held = await holder(t, address)
  for (const [name, request] of rows) {
    const response = await app.app.inject(request)
    assert.deepEqual(
      [response.statusCode, response.json<Answer>().code, response.headers['retry-after']],
      [429, 'overloaded', '1'],
      name,
    )
  }
  const metrics = (await app.app.inject('/metrics')).body
  assert.match(metrics, new RegExp(`alike_refusals_total\\{code="overloaded"\\} ${rows.length}`))
  assert.match(metrics, /alike_embed_batch_size_count 0/, 'no work was done for any of them')

  held.destroy()
  await untilMetric(app, /^alike_requests_in_flight 0$/m) // the service notices
  for (const [name, request, status] of rows) assert.equal((await app.app.inject(request)).statusCode, status, name)
})

test('connections are bounded, and counted', async (t) => {
  const app = await startApp(t, { connectionsMax: 2 })
  const address = await app.listen()
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const sockets = [await holder(t, address), await holder(t, address)]
  await rawConnection(t, address).closed
  const metrics = (await app.app.inject('/metrics')).body
  assert.match(metrics, /^alike_http_connections 2$/m)
  assert.match(metrics, /alike_refusals_total\{code="overloaded"\} 1/)
  for (const socket of sockets) socket.destroy()
  await untilMetric(app, /^alike_http_connections 0$/m)
})

test('one address leaves the last quarter of the connections to others', async (t) => {
  const app = await startApp(t, { connectionsMax: 4 })
  const address = await app.listen()
  const connections = (count: number) => untilMetric(app, new RegExp(`^alike_http_connections ${count}$`, 'm'))
  const from = (localAddress: string) => rawConnection(t, address, { localAddress })
  const first = from('127.0.0.1')
  for (const _ of [2, 3]) from('127.0.0.1')
  await connections(3)
  await from('127.0.0.1').closed
  from('127.0.0.2')
  await connections(4)
  first.socket.destroy()
  await connections(3)
  await from('127.0.0.2').closed
  from('127.0.0.3')
  await connections(4)
})

test('a connection that was never used does not delay a stop', async (t) => {
  const app = await startApp(t, { shutdownGraceMs: 600_000 })
  Object.assign(app.app.server, { headersTimeout: 0, requestTimeout: 0 })
  const unused = rawConnection(t, await app.listen())
  await untilMetric(app, /^alike_http_connections 1$/m)
  await Promise.all([app.close(), unused.closed])
})

test('the port for metrics has the same bound, and an idle connection to it does not keep the service from stopping', async (t) => {
  const { metricsApp, close } = await startApp(t, { connectionsMax: 1, metricsPort: 9100, shutdownGraceMs: 200 })
  // otherwise Node itself would close it after a minute
  Object.assign(metricsApp!.server, { headersTimeout: 0, requestTimeout: 0 })
  const address = await metricsApp!.listen({ host: '127.0.0.1', port: 0 })
  const idle = rawConnection(t, address)
  await once(idle.socket, 'connect')
  await rawConnection(t, address).closed
  assert.equal(idle.socket.destroyed, false)
  await Promise.all([close(), idle.closed])
})

const eight = async () => {
  const content = await drawImage('circle', 1)
  const pictures = Array.from({ length: 8 }, (_, n) => ({ name: 'image', filename: `${n}.jpg`, content }))
  return { method: 'POST' as const, url: search, headers: formHeaders, payload: formBody(pictures) }
}

test("a query with several pictures is answered although the model's queue has no room for all of their views", async (t) => {
  const app = await startApp(t, { embedQueueMax: 2, queryViews: 4, decodeConcurrency: 4 })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  await app.call(200, await eight())
  const image = (await drawImage('circle', 1)).toString('base64')
  await app.call(200, { method: 'POST', url: '/v1/compare', payload: { images: [image, image] } })
})

test("if the model's queue is full, queries with several pictures leave none of them in it", async (t) => {
  const app = await startApp(t, { embedQueueMax: 2, queryViews: 4, decodeConcurrency: 4 })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const query = await eight()
  const responses = await Promise.all(Array.from({ length: 8 }, () => app.app.inject(query)))
  const refused = responses.filter(({ statusCode }) => statusCode !== 200)
  assert.ok(refused.length > 0)
  for (const response of refused) {
    assert.deepEqual([response.statusCode, response.json<Answer>().code], [429, 'overloaded'])
    assert.ok(Number(response.headers['retry-after']) >= 1)
  }
  await untilMetric(app, /^alike_embed_queue_depth 0$/m)
})

test('endless requests delay a stop by no more than its grace period', async (t) => {
  const service = await startProcess(t, {
    DATA_DIR: await temporaryFolder(t),
    MODEL_DIR: (await handmadeModel(t, { dimension: 24 })).folder,
    SHUTDOWN_GRACE_MS: '10000', // four seconds are left after the requests are cut off, also on a busy machine
  })
  assert.equal((await fetch(`${service.address}/v1/galleries/g`, { method: 'PUT' })).status, 201)
  const sockets = [
    await holder(t, service.address),
    await holder(t, service.address, formHeaders['content-type']),
    await holder(t, service.address, 'application/x-tar', '/v1/galleries/g/ingest'),
  ]
  const closed = Promise.all(sockets.map((socket) => once(socket, 'close')))
  assert.equal(
    await service.stop('SIGTERM'),
    0,
    'it exits by itself, instead of being killed at the end of the grace period',
  )
  await closed
  assert.equal(service.log.at(-1)?.msg, 'stopped')
})

test('a picture being decoded delays a stop by no more than its grace period, even if its caller has left', async (t) => {
  const service = await startProcess(t, {
    DATA_DIR: await temporaryFolder(t),
    MODEL_DIR: (await handmadeModel(t, { dimension: 24 })).folder,
    SHUTDOWN_GRACE_MS: '100',
    DECODE_MEMORY_MAX_BYTES: String(2 ** 30),
  })
  const metrics = `${service.address}/metrics`
  const caller = new AbortController()
  const embedded = fetch(`${service.address}/v1/embeddings`, {
    method: 'POST',
    headers: { 'content-type': 'image/webp' },
    body: new Uint8Array(webpOf(8_000, 8_000)), // takes a second
    signal: caller.signal,
  })
  const left = assert.rejects(embedded, { name: 'AbortError' })
  const isDecoding = async () => /^alike_decode_memory_bytes [1-9]/m.test(await (await fetch(metrics)).text())
  await until(isDecoding, 'a picture being decoded')
  caller.abort()
  await left
  assert.equal(await service.stop('SIGTERM'), 'SIGKILL')
})

/** What operators see: probes, metrics, models, logs; and how the service behaves at its limits. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { startApp, type TestApp, temporaryFolder } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { type RawConnection, rawConnection } from '../support/raw-connection.js'
import { until } from '../support/until.js'

const jpeg = { 'content-type': 'image/jpeg' }
const search = '/v1/galleries/g/search'

async function metricsOf({ app }: TestApp): Promise<string> {
  return (await app.inject('/metrics')).body
}

test('metrics count requests by route pattern and time every stage in seconds', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const payload = await drawImage('circle', 1)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g/images/a', headers: jpeg, payload })
  const { durations } = await app.call(200, { method: 'POST', url: search, headers: jpeg, payload })
  await app.call(404, { method: 'GET', url: '/v1/galleries/g/images/none' })
  await app.call(404, { method: 'GET', url: '/nothing/here' })

  const text = await metricsOf(app)
  const lines = text.split('\n')
  for (const line of [
    'alike_http_requests_total{method="PUT",route="/v1/galleries/:gallery/images/:id",status="201"} 1',
    'alike_http_requests_total{method="GET",route="/v1/galleries/:gallery/images/:id",status="404"} 1',
    'alike_http_requests_total{method="POST",route="/v1/galleries/:gallery/search",status="200"} 1',
    'alike_http_requests_total{method="GET",route="unmatched",status="404"} 1',
    'alike_searches_total{method="exact"} 1',
    'alike_gallery_images{gallery="g"} 1',
    'alike_gallery_tombstones{gallery="g"} 0',
    'alike_gallery_unfindable_images{gallery="g"} 0',
    'alike_embed_queue_depth 0',
    'alike_embed_workers 1',
    'alike_write_queue_depth 0',
    'alike_cuda_fallback 0',
    ...['ingest', 'analysis', 're_embedding', 'move'].map((kind) => `alike_${kind}_jobs{state="running"} 0`),
  ])
    assert.ok(lines.includes(line), line)
  for (const stage of ['decode', 'queue', 'embed', 'search', 'total']) {
    assert.ok(lines.includes(`alike_stage_duration_seconds_count{stage="${stage}"} 1`), stage)
    const sum = Number(
      lines.find((line) => line.startsWith(`alike_stage_duration_seconds_sum{stage="${stage}"}`))?.split(' ')[1],
    )
    // The response rounds to microseconds, the metric does not.
    assert.ok(Math.abs(sum - (durations[`${stage}Ms`] ?? NaN) / 1000) < 1e-6, `${stage} is in seconds`)
  }
  assert.match(text, /alike_runtime_info\{provider="cpu",precision="fp32",model_id="[0-9a-f]{16}",model="handmade"/)
  assert.match(text, /nodejs_eventloop_lag_seconds/)
})

test('a stage that did not run for a query is not counted', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  await app.call(201, {
    method: 'PUT',
    url: '/v1/galleries/g/images/a',
    payload: await drawImage('circle', 1),
    headers: { 'content-type': 'image/jpeg' },
  })
  await app.call(200, { method: 'POST', url: '/v1/galleries/g/search', payload: { imageId: 'a' } })
  const lines = (await metricsOf(app)).split('\n')
  const counts = { decode: 0, queue: 0, embed: 0, search: 1, total: 1 }
  for (const [stage, count] of Object.entries(counts))
    assert.ok(lines.includes(`alike_stage_duration_seconds_count{stage="${stage}"} ${count}`), stage)
})

test('the model is shown with its actual runtime', async (t) => {
  const app = await startApp(t)
  const { models } = (await app.app.inject('/v1/models')).json<{
    models: { id: string; name: string; runtime: Record<string, unknown> }[]
  }>()
  assert.equal(models.length, 1)
  assert.deepEqual(
    [models[0]?.name, models[0]?.runtime.provider, models[0]?.runtime.precision, models[0]?.runtime.workers],
    ['handmade', 'cpu', 'fp32', 1],
  )
  for (const key of [models[0]?.id, 'handmade']) {
    const card = (await app.app.inject(`/v1/models/${key}`)).json<{
      manifest: { files: object; preprocessing: object }
      quality: null
    }>()
    assert.deepEqual([Object.keys(card.manifest.files), card.quality], [['fp32'], null])
  }
})

test('a gallery of another model can be read, but neither searched nor added to', async (t) => {
  const dataDir = await temporaryFolder(t)
  const payload = await drawImage('circle', 1)
  const first = await startApp(t, { dataDir })
  await first.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  await first.call(201, { method: 'PUT', url: '/v1/galleries/g/images/a', headers: jpeg, payload })
  await first.close()

  const second = await startApp(t, { dataDir, modelDir: (await handmadeModel(t, { dimension: 12 })).folder })
  assert.equal((await second.call(200, { method: 'GET', url: '/v1/galleries/g' })).searchable, false)
  const warned = (log: Record<string, unknown>[]) => log.filter(({ code }) => code === 'model_mismatch')
  assert.deepEqual(
    warned(second.log).map(({ level, gallery }) => [level, gallery]),
    [[40, 'g']],
  )
  assert.deepEqual(warned(first.log), [])
  assert.equal((await second.call(200, { method: 'GET', url: '/v1/galleries/g/images/a' })).id, 'a')
  for (const request of [
    { method: 'POST', url: search },
    { method: 'POST', url: `${search}?imageId=a` },
    { method: 'PUT', url: '/v1/galleries/g/images/b' },
  ] as const) {
    const body = request.url.includes('imageId') ? {} : { headers: jpeg, payload }
    assert.equal((await second.call(409, { ...request, ...body })).code, 'model_mismatch')
  }
})

test('more concurrent requests than allowed are refused at once with a retry time', async (t) => {
  const app = await startApp(t, { requestsMax: 2 })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const address = await app.listen()
  const port = Number(new URL(address).port)
  const holders = [0, 1].map(() => {
    const connection = rawConnection(t, address)
    connection.write(
      'POST /v1/galleries/g/search HTTP/1.1\r\nhost: test\r\ncontent-type: image/jpeg\r\ncontent-length: 9\r\n\r\n',
    )
    return connection
  })
  await until(async () => /^alike_requests_in_flight 2$/m.test(await metricsOf(app)))

  const refused = httpRequest({
    port,
    method: 'POST',
    path: search,
    headers: { ...jpeg, 'content-length': 9_000_000, expect: '100-continue' },
  })
  refused.on('continue', () => assert.fail('a refused upload is never asked for'))
  refused.flushHeaders()
  const [response] = (await once(refused, 'response')) as [IncomingMessage]
  assert.deepEqual([response.statusCode, response.headers['retry-after']], [429, '1'])
  refused.destroy()
  assert.equal((await app.app.inject('/readyz')).statusCode, 200, 'probes are not authenticated')
  assert.equal((await app.app.inject('/v1/galleries')).statusCode, 200, 'neither have look-ups')
  assert.match(await metricsOf(app), /alike_refusals_total\{code="overloaded"\} 1/)

  for (const { socket } of holders) socket.destroy()
  await until(async () => /^alike_requests_in_flight 0$/m.test(await metricsOf(app)))
  const payload = await drawImage('circle', 1)
  const admitted = httpRequest({
    port,
    method: 'POST',
    path: search,
    headers: { ...jpeg, 'content-length': payload.length, expect: '100-continue' },
  })
  admitted.on('continue', () => admitted.end(payload))
  admitted.flushHeaders()
  const [answer] = (await once(admitted, 'response')) as [IncomingMessage]
  assert.equal(answer.statusCode, 200)
  answer.resume()
})

test('work for clients that have disconnected is dropped', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const address = await app.listen()
  const payload = new Uint8Array(await drawImage('circle', 1, { width: 1500, height: 1500 }))
  const leave = new AbortController()
  const calls = Array.from({ length: 40 }, () =>
    fetch(`${address}${search}`, { method: 'POST', headers: jpeg, body: payload, signal: leave.signal }).catch(
      () => undefined,
    ),
  )
  // only once the first of them is running, however busy the machine is
  await until(async () => /^alike_pictures_decoded_total(\{[^}]*\})? [1-9]/m.test(await metricsOf(app)))
  leave.abort()
  await Promise.all(calls)
  const payloadAfter = await drawImage('circle', 2)
  await app.call(200, { method: 'POST', url: search, headers: jpeg, payload: payloadAfter })
  const text = await metricsOf(app)
  const embedded = Number(text.match(/alike_embed_batch_size_sum (\d+)/)?.[1])
  assert.ok(embedded < 35, `${embedded} of 41 pictures were embedded`)
  assert.match(
    text,
    /alike_http_requests_total\{method="POST",route="\/v1\/galleries\/:gallery\/search",status="499"\} \d+/,
  )
})

test('a closing service finishes what it accepted and refuses the rest', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const address = await app.listen()
  const port = Number(new URL(address).port)
  const picture = await drawImage('circle', 1)
  const connected: Socket[] = []
  app.app.server.on('connection', (socket) => connected.push(socket))
  const accepted = httpRequest({
    port,
    method: 'POST',
    path: search,
    headers: { ...jpeg, 'content-length': picture.length },
  })
  accepted.write(picture.subarray(0, 100))
  const late = rawConnection(t, address)
  late.write('GET /readyz HTTP/1.1\r\nhost: ')
  await until(() => connected.length === 2 && connected.every(({ bytesRead }) => bytesRead > 0))
  await until(async () => /^alike_requests_in_flight 1$/m.test(await metricsOf(app)))
  const closing = app.close()
  await until(() => !app.app.server.listening, 'the end of listening')
  late.write('test\r\n\r\n')
  assert.match(
    await late.arrival('requestId', 'a refusal'),
    /^HTTP\/1\.1 503 [\s\S]*connection: close[\s\S]*shutting_down/,
  )
  accepted.end(picture.subarray(100))
  const [answer] = (await once(accepted, 'response')) as [IncomingMessage]
  assert.equal(answer.statusCode, 200)
  answer.resume()
  await closing
})

test('a request on its way when the service begins to stop is answered, and its answer ends the connection', async (t) => {
  const app = await startApp(t)
  const connection = rawConnection(t, await app.listen())
  const request = 'GET /livez HTTP/1.1\r\nhost: test\r\n\r\n'
  connection.write(request)
  await connection.arrival(/^HTTP\/1\.1 200 [\s\S]*connection: keep-alive[\s\S]*\}$/i)
  connection.write(request)
  const closing = app.close()
  assert.match(await connection.closed, /^HTTP\/1\.1 200 [\s\S]*connection: close/)
  await closing
})

test('a service that begins to stop is not ready, but alive', async (t) => {
  const app = await startApp(t)
  const address = await app.listen()
  const connections = ['/readyz', '/livez'].map((path) => {
    const connection = rawConnection(t, address)
    connection.write(`GET ${path} HTTP/1.1\r\nhost: `)
    return connection
  }) as [RawConnection, RawConnection]
  const arrived: Socket[] = []
  app.app.server.on('connection', (socket) => arrived.push(socket))
  await until(() => arrived.length === 2 && arrived.every(({ bytesRead }) => bytesRead > 0))
  const closing = app.close()
  for (const connection of connections) connection.write('test\r\n\r\n')
  assert.match(await connections[0].closed, /^HTTP\/1\.1 503 [\s\S]*connection: close[\s\S]*shutting_down/)
  assert.match(await connections[1].closed, /^HTTP\/1\.1 200 [\s\S]*connection: close/)
  await closing
})

for (const [time, isLeaving] of Object.entries({ before: false, when: true }))
  test(`a body that was refused ${time} the service began to stop does not keep its connection`, async (t) => {
    const app = await startApp(t, { shutdownGraceMs: 600_000 })
    const connection = rawConnection(t, await app.listen())
    connection.write('GET /livez HTTP/1.1\r\nhost: test\r\n\r\n')
    await connection.arrival('"ok"')
    const leaving = isLeaving ? app.close() : undefined
    connection.write(`POST ${search} HTTP/1.1\r\nhost: test\r\ncontent-type: image/jpeg\r\ncontent-length: 3\r\n\r\n`)
    await connection.arrival('gallery_not_found')
    const closing = leaving ?? app.close()
    await until(() => !app.app.server.listening, 'the end of listening')
    connection.write('...')
    await connection.closed
    await closing
  })

test('a service with a short grace period stops listening before it cuts connections off', async (t) => {
  const app = await startApp(t, { shutdownGraceMs: 200 })
  const address = await app.listen()
  const kept = rawConnection(t, address)
  kept.write('GET /livez HTTP/1.1\r\nhost: test\r\n\r\n')
  await kept.arrival('"ok"')
  kept.write('GET /livez HTTP/1.1\r\n')
  const closing = app.close()
  await kept.closed
  assert.equal(app.app.server.listening, false)
  await closing
})

test('a closing service does not wait for connections that its clients keep, and its refusal of a body arrives', async (t) => {
  const app = await startApp(t, { shutdownGraceMs: 600_000 })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const address = await app.listen()
  const picture = await drawImage('circle', 1)
  const connected: Socket[] = []
  app.app.server.on('connection', (socket) => connected.push(socket))
  const head = `POST ${search} HTTP/1.1\r\nhost: test\r\ncontent-type: image/jpeg\r\n`
  const [accepted, late] = ['content-length: ', 'x-late: '].map((end) => {
    const connection = rawConnection(t, address)
    connection.write(head + end)
    return connection
  }) as [RawConnection, RawConnection]
  accepted.write(`${picture.length}\r\n\r\n`)
  await until(() => connected.length === 2 && connected.every(({ bytesRead }) => bytesRead > 0))
  await until(async () => /^alike_requests_in_flight 1$/m.test(await metricsOf(app)))
  const closing = app.close()
  await until(() => !app.app.server.listening, 'the end of listening')
  late.write('\r\ncontent-length: 3000000\r\n\r\n')
  await new Promise((resolve) => late.socket.write(Buffer.alloc(3_000_000), resolve)) // many clients read only then
  assert.match(await late.closed, /^HTTP\/1\.1 503 [\s\S]*shutting_down/)
  accepted.write(picture)
  assert.match(await accepted.closed, /^HTTP\/1\.1 200 [\s\S]*connection: close/)
  await closing
})

test('no picture, vector or label of a body is in the log, and every line names its request', async (t) => {
  const app = await startApp(t, { logLevel: 'trace' })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const picture = await drawImage('circle', 1)
  const image = picture.toString('base64')
  await app.call(201, {
    method: 'PUT',
    url: '/v1/galleries/g/images/a',
    payload: { image, label: 'secret-label', metadata: { secret: 'secret-metadata' } },
  })
  await app.call(200, { method: 'POST', url: search, payload: { image } })
  await app.call(400, { method: 'POST', url: search, payload: { image: image.slice(1), k: 0 } })
  const text = JSON.stringify(app.log)
  for (const secret of [image.slice(100, 140), 'secret-label', 'secret-metadata'])
    assert.equal(text.includes(secret), false, secret)
  const answered = app.log.filter(({ msg }) => msg === 'request answered')
  assert.equal(answered.length, 4)
  for (const line of answered) assert.match(String(line.requestId), /^[0-9a-f-]{36}$/)
})

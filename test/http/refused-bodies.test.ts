/** Bodies refused while their client is still sending. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fastify from 'fastify'
import { makeKey } from '../../src/access/api-keys.js'
import { discardRefusedBodies } from '../../src/http/plugins/refused-bodies.js'
import { startApp } from '../support/app.js'
import { rawConnection } from '../support/raw-connection.js'
import { until } from '../support/until.js'

const length = 3_000_000

test('a client that sends a refused body to its end gets the refusal, and keeps its connection', async (t) => {
  const app = await startApp(t, { uploadMaxBytes: 100_000 })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const connection = rawConnection(t, await app.listen())
  connection.write(
    `PUT /v1/galleries/g/images/large HTTP/1.1\r\nhost: test\r\ncontent-type: image/jpeg\r\ncontent-length: ${length}\r\n\r\n`,
  )
  assert.match(await connection.arrival('body_too_large'), /^HTTP\/1\.1 413/)
  connection.write(Buffer.alloc(length))
  connection.write('GET /v1/galleries/g HTTP/1.1\r\nhost: test\r\n\r\n')
  await connection.arrival('HTTP/1.1 200')
})

test('so does a client whose form is refused at its first part', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const connection = rawConnection(t, await app.listen())
  const part = Buffer.from('--x\r\ncontent-disposition: form-data; name="unknown"\r\n\r\n1\r\n--x\r\n')
  connection.write(
    `POST /v1/galleries/g/ingest HTTP/1.1\r\nhost: test\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: ${part.length + length}\r\n\r\n`,
  )
  connection.write(part)
  assert.match(await connection.arrival('requestId'), /^HTTP\/1\.1 400 [\s\S]*unknown is unknown/)
  connection.write(Buffer.alloc(length))
  connection.write('GET /v1/galleries/g HTTP/1.1\r\nhost: test\r\n\r\n')
  await connection.arrival('HTTP/1.1 200')
})

test('so does a client whose upload finds the queue of jobs full', async (t) => {
  const app = await startApp(t, { ingestJobsMax: 1 })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const headers = { 'content-type': 'application/x-tar' }
  const tar = { method: 'POST', url: '/v1/galleries/g/ingest', headers, payload: Buffer.alloc(1_024) } as const
  const { id } = await app.call(202, tar)
  await app.call(200, { method: 'PATCH', url: `/v1/jobs/${id}`, payload: { paused: true } })
  const connection = rawConnection(t, await app.listen())
  connection.write(
    `POST /v1/galleries/g/ingest HTTP/1.1\r\nhost: test\r\ncontent-type: application/x-tar\r\ncontent-length: ${length}\r\n\r\n`,
  )
  assert.match(await connection.arrival('requestId'), /^HTTP\/1\.1 429 [\s\S]*job_queue_full/)
  connection.write(Buffer.alloc(length))
  connection.write('GET /v1/galleries/g HTTP/1.1\r\nhost: test\r\n\r\n')
  await connection.arrival('HTTP/1.1 200')
})

test('so does a client whose upload turns out to be too large, or finds no memory for its next picture', async (t) => {
  const app = await startApp(t, { ingestMaxBytes: 2 ** 20, uploadMaxBytes: 2 ** 19, bodyMemoryMaxBytes: 2 ** 19 })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const address = await app.listen()
  rawConnection(t, address).write(
    `PUT /v1/galleries/g/images/a HTTP/1.1\r\nhost: test\r\ncontent-type: image/jpeg\r\ncontent-length: ${2 ** 18}\r\n\r\n`,
  )
  await until(async () => /^alike_body_memory_bytes 524288$/m.test((await app.app.inject('/metrics')).body))
  const part =
    '--x\r\ncontent-disposition: form-data; name="image"; filename="a.jpg"\r\ncontent-type: image/jpeg\r\n\r\n'
  const rows = [
    ['application/x-tar', '', /^HTTP\/1\.1 413 [\s\S]*body_too_large/],
    ['application/x-ndjson', '', /^HTTP\/1\.1 413 [\s\S]*body_too_large/],
    ['multipart/form-data; boundary=x', part, /^HTTP\/1\.1 429 [\s\S]*overloaded/],
  ] as const
  for (const [type, begin, answer] of rows) {
    const connection = rawConnection(t, address)
    const send = (bytes: Buffer) =>
      connection.write(Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]))
    connection.write(
      `POST /v1/galleries/g/ingest HTTP/1.1\r\nhost: test\r\ncontent-type: ${type}\r\ntransfer-encoding: chunked\r\n\r\n`,
    )
    send(Buffer.concat([Buffer.from(begin), Buffer.alloc(length, 32)]))
    assert.match(await connection.arrival('requestId', type), answer)
    send(Buffer.alloc(length))
    connection.write('0\r\n\r\nGET /v1/galleries/g HTTP/1.1\r\nhost: test\r\n\r\n')
    await connection.arrival('HTTP/1.1 200', type)
  }
})

test('so does a client whose body waits for a reader that never comes', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const address = await app.listen()
  const other = rawConnection(t, address)
  const tar = 'content-type: application/x-tar'
  other.write(`POST /v1/models HTTP/1.1\r\nhost: test\r\n${tar}\r\ncontent-length: ${length}\r\n\r\n`)
  await until(async () => /^alike_uploads_in_flight 1$/m.test((await app.app.inject('/metrics')).body))
  const rows = [
    ['/v1/galleries/g/ingest?unknown=1', tar, /^HTTP\/1\.1 400 [\s\S]*unknown is unknown/],
    [
      '/v1/galleries/g/ingest',
      `${tar}\r\nidempotency-key: ${'k'.repeat(201)}`,
      /^HTTP\/1\.1 400 [\s\S]*200 characters/,
    ],
    ['/v1/galleries/g/search', 'content-type: multipart/form-data', /^HTTP\/1\.1 400 [\s\S]*form is damaged/],
    ['/v1/models', tar, /^HTTP\/1\.1 429 [\s\S]*A model is being installed/],
  ] as const
  for (const [path, headers, answer] of rows) {
    const connection = rawConnection(t, address)
    connection.write(`POST ${path} HTTP/1.1\r\nhost: test\r\n${headers}\r\ncontent-length: ${length}\r\n\r\n-`)
    assert.match(await connection.arrival('requestId', path), answer)
    connection.write(Buffer.alloc(length - 1))
    connection.write('GET /v1/galleries/g HTTP/1.1\r\nhost: test\r\n\r\n')
    await connection.arrival('HTTP/1.1 200', path)
  }
})

test('the connection of a client that keeps sending is eventually closed', async (t) => {
  const app = fastify({ bodyLimit: 10 })
  discardRefusedBodies(app, { bodyTimeoutMs: 60_000, restMs: 50 })
  app.post('/', async () => ({}))
  t.after(() => app.close())
  const connection = rawConnection(t, await app.listen({ host: '127.0.0.1', port: 0 }))
  connection.write(
    `POST / HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n1`,
  )
  assert.match(await connection.closed, /^HTTP\/1\.1 413/)
})

test('a body that nobody reads is not waited for without end, whatever the answer was', async (t) => {
  const { line } = makeKey('owner', 'admin')
  const app = await startApp(t, { apiKeys: line, bodyTimeoutMs: 100 })
  const address = await app.listen()
  const rows = [
    ['GET', '/v1/galleries', 401],
    ['POST', '/v1/galleries/g/search', 401],
    ['POST', '/v1/nothing', 404],
    ['GET', '/livez', 200],
    ['GET', '/docs/', 200],
    ['GET', '/openapi.yaml', 200],
  ] as const
  await Promise.all(
    rows.map(async ([method, path, status]) => {
      const connection = rawConnection(t, address)
      connection.write(`${method} ${path} HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n`)
      const trickle = setInterval(() => connection.write('1\r\nx\r\n'), 20)
      t.after(() => clearInterval(trickle))
      assert.match(await connection.closed, new RegExp(`^HTTP/1\\.1 ${status} `), path)
    }),
  )
})

test('a body for which there is no route is neither waited for nor held in memory', async (t) => {
  const app = await startApp(t, { corsOrigins: 'https://shop.example.com' })
  const address = await app.listen()
  const rows = [
    ['POST', '/v1/nothing', 404],
    ['POST', '/v1/galleries', 405],
    ['DELETE', '/v1/search', 405],
    ['OPTIONS', '/v1/galleries', 405],
    ['OPTIONS', '/v1/nothing', 404],
  ] as const
  for (const [method, path, status] of rows) {
    const connection = rawConnection(t, address)
    connection.write(
      `${method} ${path} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: 200000\r\n\r\n{`,
    )
    assert.match(await connection.arrival('requestId', `${method} ${path}`), new RegExp(`^HTTP/1\\.1 ${status} `))
  }
})

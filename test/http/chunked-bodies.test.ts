import assert from 'node:assert/strict'
import { test } from 'node:test'
import fastify, { type FastifyInstance } from 'fastify'
import { gatherChunks } from '../../src/http/plugins/chunked-bodies.js'
import { discardRefusedBodies } from '../../src/http/plugins/refused-bodies.js'
import { startApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { rawConnection } from '../support/raw-connection.js'
import { until } from '../support/until.js'

const chunk = (bytes: Uint8Array) =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
const head = (method: string, path: string, more = '') =>
  `${method} ${path} HTTP/1.1\r\nhost: test\r\ncontent-type: image/jpeg\r\ntransfer-encoding: chunked\r\n${more}\r\n`

test('chunks of a byte each are read together', async (t) => {
  const app = fastify()
  gatherChunks(app)
  app.addContentTypeParser('image/jpeg', (_request, payload, done) => {
    const pieces: number[] = []
    payload.on('data', (piece: Buffer) => pieces.push(piece.length))
    payload.on('end', () => done(null, pieces))
  })
  app.post('/', async ({ body }) => body)
  t.after(() => app.close())
  const connection = rawConnection(t, await app.listen({ host: '127.0.0.1', port: 0 }))
  const count = 50_000
  connection.write(head('POST', '/', 'connection: close\r\n'), '1\r\n-\r\n'.repeat(count), '0\r\n\r\n')
  const pieces = JSON.parse((await connection.closed).split('\r\n\r\n')[1]!) as number[]
  assert.equal(
    pieces.reduce((sum, length) => sum + length, 0),
    count,
  )
  assert.ok(pieces.length < count / 10, `${pieces.length} pieces`)
})

test('a picture in small chunks is stored; one that is too large is refused, and its connection stays usable', async (t) => {
  const app = await startApp(t, { uploadMaxBytes: 100_000 })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const connection = rawConnection(t, await app.listen())
  const picture = await drawImage('circle', 1)
  const small = Array.from({ length: Math.ceil(picture.length / 7) }, (_, n) => picture.subarray(7 * n, 7 * n + 7))
  connection.write(head('PUT', '/v1/galleries/g/images/a'), Buffer.concat(small.map(chunk)), '0\r\n\r\n')
  await connection.arrival('HTTP/1.1 201', 'a stored picture')
  connection.write(head('PUT', '/v1/galleries/g/images/b'), chunk(Buffer.alloc(200_000)))
  assert.match(await connection.arrival('requestId', 'a refusal'), /^HTTP\/1\.1 413 [\s\S]*body_too_large/)
  connection.write(chunk(Buffer.alloc(3_000_000)))
  connection.write('0\r\n\r\nGET /v1/galleries/g HTTP/1.1\r\nhost: test\r\n\r\n')
  await connection.arrival('HTTP/1.1 200', 'an answer to the next request')
})

test('a client that leaves in the midst of a refused body, or keeps sending it, costs nobody else the service', async (t) => {
  const app = fastify({ bodyLimit: 100_000 })
  gatherChunks(app)
  discardRefusedBodies(app, { bodyTimeoutMs: 60_000, restMs: 50 })
  app.addContentTypeParser('image/jpeg', { parseAs: 'buffer' }, (_request, _body, done) => done(null))
  app.post('/', async () => ({}))
  t.after(() => app.close())
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  for (const leaves of [true, false]) {
    const connection = rawConnection(t, address)
    connection.write(head('POST', '/'), chunk(Buffer.alloc(200_000)))
    await connection.arrival('HTTP/1.1 413', 'a refusal')
    if (leaves) connection.socket.resetAndDestroy()
    await connection.closed
    await until(async () => (await connectionsOf(app)) === 0, 'the end of the connection')
  }
})

function connectionsOf({ server }: FastifyInstance): Promise<number> {
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  )
}

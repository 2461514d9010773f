/** Connections on which nothing moves: kept while a caller waits for an answer, otherwise closed. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { startApp, type TestApp } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawImage } from '../support/drawn-images.js'
import { rawConnection } from '../support/raw-connection.js'
import { until } from '../support/until.js'

const gallery = '/v1/galleries/g'

interface Listening {
  app: TestApp
  address: string
  /** Resolves once nothing has moved for too long on any connection that is open now. */
  idle(): Promise<void>
}

async function listening(t: TestContext): Promise<Listening> {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  const open = new Set<Socket>()
  app.app.server.on('connection', (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  const idle = async () => {
    assert.ok(open.size > 0)
    await Promise.all([...open].map((socket) => once(socket.setTimeout(1), 'timeout')))
  }
  return { app, address: await app.listen(), idle }
}

test('an upload is answered, however long its copy to the bucket takes', async (t) => {
  const { app, address, idle } = await listening(t)
  const accept = app.parts.ingest.accept.bind(app.parts.ingest)
  t.mock.method(app.parts.ingest, 'accept', async (...given: Parameters<typeof accept>) => {
    const report = await accept(...given)
    await idle()
    return report
  })
  const body = new Uint8Array(await tarOf([{ path: 'a.jpg', content: await drawImage('circle', 1) }]))
  const headers = { 'content-type': 'application/x-tar' }
  assert.equal((await fetch(`${address}${gallery}/ingest`, { method: 'POST', headers, body })).status, 202)
})

test('a deletion of many pictures is answered, however long it takes', async (t) => {
  const { app, address, idle } = await listening(t)
  t.mock.method(app.parts.galleries.images, 'removeFitting', async () => {
    await idle()
    return 7
  })
  const response = await fetch(`${address}${gallery}/images?label=a`, { method: 'DELETE' })
  assert.deepEqual([response.status, await response.json()], [200, { removed: 7 }])
})

test('requests that were sent together are all answered, and their connection is closed once it is idle', async (t) => {
  const { app, address, idle } = await listening(t)
  t.mock.method(app.parts.galleries.images, 'removeFitting', async () => {
    await idle()
    return 7
  })
  const connection = rawConnection(t, address)
  const lines = ['host: test', '', ''].join('\r\n')
  connection.write(`DELETE ${gallery}/images?label=a HTTP/1.1\r\n${lines}GET /livez HTTP/1.1\r\n${lines}`)
  await connection.arrival(/HTTP\/1.1 200[\s\S]*HTTP\/1.1 200/, 'both answers')
  await idle()
  await connection.closed
})

test('a caller who sends nothing, or only a part of a body, is disconnected', async (t) => {
  const { app, address } = await listening(t)
  app.app.server.setTimeout(200)
  const part = `PUT ${gallery}/images/a HTTP/1.1\r\nhost: test\r\ncontent-type: image/jpeg\r\ncontent-length: 9\r\n\r\n-`
  for (const sent of ['', part]) {
    const connection = rawConnection(t, address)
    connection.write(sent)
    await until(() => connection.socket.closed, 'the end of the connection')
  }
})

/** Connections on which nothing moves: kept while a caller waits for an answer, otherwise closed. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startApp, type TestApp } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawImage } from '../support/drawn-images.js'

const gallery = '/v1/galleries/g'
const idleMs = 200

async function listening(t: TestContext): Promise<{ app: TestApp; address: string }> {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  const address = await app.listen()
  app.app.server.setTimeout(idleMs)
  return { app, address }
}

test('an upload is answered, however long its copy to the bucket takes', async (t) => {
  const { app, address } = await listening(t)
  const accept = app.parts.ingest.accept.bind(app.parts.ingest)
  t.mock.method(app.parts.ingest, 'accept', async (...given: Parameters<typeof accept>) => {
    const report = await accept(...given)
    await sleep(4 * idleMs)
    return report
  })
  const body = new Uint8Array(await tarOf([{ path: 'a.jpg', content: await drawImage('circle', 1) }]))
  const headers = { 'content-type': 'application/x-tar' }
  assert.equal((await fetch(`${address}${gallery}/ingest`, { method: 'POST', headers, body })).status, 202)
})

test('a deletion of many pictures is answered, however long it takes', async (t) => {
  const { app, address } = await listening(t)
  t.mock.method(app.parts.galleries.images, 'removeFitting', async () => {
    await sleep(4 * idleMs)
    return 7
  })
  const response = await fetch(`${address}${gallery}/images?label=a`, { method: 'DELETE' })
  assert.deepEqual([response.status, await response.json()], [200, { removed: 7 }])
})

test('a caller who sends nothing, or only a part of a body, is disconnected', async (t) => {
  const { address } = await listening(t)
  const part = `PUT ${gallery}/images/a HTTP/1.1\r\nhost: test\r\ncontent-type: image/jpeg\r\ncontent-length: 9\r\n\r\n-`
  for (const sent of ['', part]) {
    const socket = connect(Number(new URL(address).port), '127.0.0.1')
    t.after(() => socket.destroy())
    socket.on('error', () => {})
    socket.resume()
    socket.write(sent)
    const began = performance.now()
    await once(socket, 'close')
    assert.ok(performance.now() - began < 10_000)
  }
})

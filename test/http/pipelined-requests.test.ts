/** Requests that are sent on one connection without waiting for answers. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startApp, type TestApp } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawImage } from '../support/drawn-images.js'
import { sendJob } from '../support/jobs.js'
import { type RawConnection, rawConnection } from '../support/raw-connection.js'
import { until } from '../support/until.js'

const picture = await drawImage('circle', 1, { format: 'png' })

async function appWithGallery(t: TestContext): Promise<{ app: TestApp; address: string }> {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  return { app, address: await app.listen() }
}

function request(line: string, body: Buffer | string = '', type = 'application/json'): Buffer {
  const head = body.length === 0 ? '' : `content-type: ${type}\r\ncontent-length: ${body.length}\r\n`
  return Buffer.concat([Buffer.from(`${line} HTTP/1.1\r\nhost: a\r\n${head}\r\n`), Buffer.from(body)])
}

function statusesOf({ received }: RawConnection): string[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status!)
}

test('a request sees what the one before it on its connection has changed', async (t) => {
  const { address } = await appWithGallery(t)
  const connection = rawConnection(t, address)
  const put = (n: number) => request(`PUT /v1/galleries/g/images/${n}`, picture, 'image/png')
  const get = (n: number) => request(`GET /v1/galleries/g/images/${n}`)
  connection.write(
    Buffer.concat([0, 1, 2].flatMap((n) => [get(n), put(n), get(n), request(`DELETE /v1/galleries/g/images/${n}`)])),
  )
  const each = ['404', '201', '200', '204']
  await until(() => statusesOf(connection).length === 12, 'all have been answered')
  assert.deepEqual(statusesOf(connection), [...each, ...each, ...each])
  connection.socket.destroy()
})

test('searches behind a stream of events take no places, and none stays when the caller leaves', async (t) => {
  const { app, address } = await appWithGallery(t)
  const entries = Array.from({ length: 300 }, (_, n) => ({
    path: `${n}.png`,
    content: Buffer.concat([picture, Buffer.from(String(n))]),
  }))
  const job = await sendJob(app, '/v1/galleries/g', { 'content-type': 'application/x-tar' }, await tarOf(entries))
  await app.call(200, { method: 'PATCH', url: `/v1/jobs/${job.id}`, payload: { paused: true } })
  const connection = rawConnection(t, address)
  const search = request('POST /v1/galleries/g/search', picture, 'image/png')
  connection.write(
    Buffer.concat([request(`GET /v1/jobs/${job.id}/events`), ...Array.from({ length: 60 }, () => search)]),
  )
  await connection.arrival('event: ', 'the events have begun')
  const metrics = async () => (await app.app.inject('/metrics')).body
  assert.match(await metrics(), /^alike_requests_in_flight 0$/m)
  connection.socket.destroy()
  await until(async () => /^alike_job_listeners 0$/m.test(await metrics()), 'it has been noticed')
  assert.match(await metrics(), /^alike_requests_in_flight 0$/m)
})

test('a connection that owes too many answers gets those, a refusal, and is closed', async (t) => {
  const { app, address } = await appWithGallery(t)
  const connection = rawConnection(t, address)
  connection.write(Buffer.concat(Array.from({ length: 5_000 }, () => request('GET /v1/galleries'))))
  await connection.closed
  const answered = statusesOf(connection)
  assert.ok(answered.length < 5_000 && answered.length > 64, `${answered.length}`)
  assert.equal(answered.at(-1), '429')
  assert.ok(answered.slice(0, -1).every((status) => status === '200'))
  assert.match(connection.received, /"code":"overloaded","detail":"64 requests of this connection are waiting/)
  await app.call(200, { url: '/v1/galleries' })
})

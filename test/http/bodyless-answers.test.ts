/** `HEAD` costs no more than its headers; 304 states no length. */
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import fastify from 'fastify'
import { omitBodies } from '../../src/http/plugins/bodyless-answers.js'
import { startApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { endedJob, sendJob } from '../support/jobs.js'
import { until } from '../support/until.js'

test('a stream that nobody receives is not read to its end', async (t) => {
  const app = fastify()
  omitBodies(app)
  t.after(() => app.close())
  let [begun, read, closed] = [0, 0, 0]
  app.get('/', async (_request, reply) => {
    const lines = Readable.from(
      (async function* () {
        for (; read < 1_000_000; read++) yield 'line\n'
      })(),
      { objectMode: false },
    )
    begun++
    lines.once('close', () => closed++)
    return reply.type('application/x-ndjson').send(lines)
  })
  for (let i = 0; i < 3; i++) {
    const { statusCode, headers, body } = await app.inject({ method: 'HEAD', url: '/' })
    assert.deepEqual([statusCode, headers['content-type'], body], [200, 'application/x-ndjson', ''])
  }
  await until(() => closed === begun, 'the end of the streams')
  assert.equal(read, 0)
})

test('an answer without a body is the same as for GET', async (t) => {
  const app = await startApp(t)
  const gallery = '/v1/galleries/g'
  await app.call(201, { method: 'PUT', url: gallery })
  const url = `${gallery}/images/a`
  await app.call(201, {
    method: 'PUT',
    url,
    headers: { 'content-type': 'image/jpeg' },
    payload: await drawImage('circle', 1),
  })
  const lines = { 'content-type': 'application/x-ndjson' }
  const job = await endedJob(app, await sendJob(app, gallery, lines, Buffer.from('{"delete":{"id":"none"}}\n')))
  const any = { 'if-none-match': '*' }
  const rows = [
    { url: `${url}/thumbnail`, headers: any, status: 304 },
    { url: `${url}/original`, headers: any, status: 304 },
    { url: `/v1/jobs/${job.id}/events`, headers: { 'last-event-id': `end-${job.id}` }, status: 204 },
  ]
  for (const { status, ...request } of rows) {
    const [get, head] = [await app.app.inject(request), await app.app.inject({ method: 'HEAD', ...request })]
    assert.deepEqual([get.statusCode, head.statusCode], [status, status], request.url)
    for (const name of ['etag', 'cache-control', 'content-length'])
      assert.equal(head.headers[name], get.headers[name], `${request.url} ${name}`)
    assert.equal(get.headers['content-length'], undefined, request.url)
  }
})

/** Slow uploads occupy no place in the job queue, make room for others, and come to an end. */
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fastify from 'fastify'
import { limitUploads } from '../../src/http/plugins/upload-admission.js'
import { type Answer, startApp, type TestApp } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawImage } from '../support/drawn-images.js'
import { formHeaders } from '../support/forms.js'
import { endedJob } from '../support/jobs.js'
import { type RawConnection, rawConnections } from '../support/raw-connection.js'
import { until } from '../support/until.js'

const types = ['application/x-tar', 'application/zip', 'application/x-ndjson', formHeaders['content-type']]
const path = '/v1/galleries/g/ingest'

/** A client that sends one byte and no more. */
async function stalled(connection: RawConnection, type: string): Promise<RawConnection> {
  connection.write(
    `POST ${path} HTTP/1.1\r\nhost: test\r\ncontent-type: ${type}\r\ncontent-length: 5000000\r\nexpect: 100-continue\r\n\r\n`,
  )
  assert.match(await connection.arrival('\r\n\r\n'), /^HTTP\/1\.1 100/)
  connection.write('-')
  return connection
}

async function send(address: string, body: Buffer): Promise<Response> {
  return fetch(address + path, {
    method: 'POST',
    headers: { 'content-type': 'application/x-tar' },
    body: new Uint8Array(body),
  })
}

async function untilMetric({ app }: TestApp, line: RegExp): Promise<void> {
  await until(async () => line.test((await app.inject('/metrics')).body), `the metric ${line.source}`)
}

async function galleryAndArchive(app: TestApp): Promise<Buffer> {
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  return tarOf([{ path: 'a.jpg', content: await drawImage('circle', 1) }])
}

test('stalled uploads hold no place in the job queue', async (t) => {
  const open = rawConnections(t)
  const app = await startApp(t, { ingestJobsMax: 2 })
  const archive = await galleryAndArchive(app)
  const address = await app.listen()
  await Promise.all(types.map((type) => stalled(open(address), type)))
  const answer = await send(address, archive)
  assert.equal(answer.status, 202)
  assert.equal((await endedJob(app, (await answer.json()) as Answer['jobs'][number])).added, 1)
  assert.match((await app.app.inject('/metrics')).body, /^alike_uploads_in_flight 4$/m)
})

test('an upload that is too slow is ended with a reason, and leaves nothing behind', async (t) => {
  const open = rawConnections(t)
  const app = await startApp(t, { uploadLagMaxMs: 300 })
  await galleryAndArchive(app)
  const address = await app.listen()
  for (const { closed } of await Promise.all(types.map((type) => stalled(open(address), type)))) {
    assert.match(await closed, /^HTTP\/1\.1 408 [\s\S]*upload_too_slow[\s\S]*At least 1024 bytes per second/)
  }
  await untilMetric(app, /^alike_uploads_in_flight 0$/m)
  await until(async () => (await readdir(join(app.config.dataDir, 'spool'))).length === 0)
  assert.deepEqual((await app.call(200, { url: '/v1/jobs' })).jobs, [])
  assert.deepEqual(
    app.log.filter(({ level }) => Number(level) >= 50),
    [],
  )
})

test('when every place is taken, the slowest upload makes room; before that, a new one is refused', async (t) => {
  const open = rawConnections(t)
  for (const bounds of [{ uploadsMax: 4 }, { uploadsPerCallerMax: 4 }]) {
    const app = await startApp(t, { ...bounds, uploadLagMaxMs: 6_000 })
    const archive = await galleryAndArchive(app)
    const address = await app.listen()
    const held = await Promise.all(types.map((type) => stalled(open(address), type)))
    const refused = await send(address, archive)
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '5'])
    assert.match(((await refused.json()) as Answer).detail ?? '', /4 uploads .*are being received already/)
    const answer = await until(async () => {
      const given = await send(address, archive)
      return given.status !== 429 && given
    }, 'room for an upload')
    assert.equal(answer.status, 202)
    assert.match(await Promise.race(held.map(({ closed }) => closed)), /upload_too_slow/)
    await untilMetric(app, /^alike_uploads_in_flight 3$/m)
  }
})

test('an upload that keeps the pace continues, however slowly the service reads it', async (t) => {
  const open = rawConnections(t)
  const app = await startApp(t, { uploadLagMaxMs: 300, uploadMinBytesPerSecond: 100 })
  const archive = await galleryAndArchive(app)
  const address = await app.listen()
  const connection = open(address)
  connection.write(
    `POST ${path} HTTP/1.1\r\nhost: test\r\ncontent-type: application/x-tar\r\ncontent-length: ${archive.length}\r\n\r\n`,
  )
  const pieces = 12
  for (let at = 0; at < pieces; at++) {
    connection.write(
      archive.subarray(Math.floor((archive.length * at) / pieces), Math.floor((archive.length * (at + 1)) / pieces)),
    )
    await sleep(60)
  }
  assert.match(await connection.arrival('\r\n\r\n'), /^HTTP\/1\.1 202/)
})

test('an upload whose reception has failed, and is being deleted, is no reason for the process to end', async (t) => {
  const app = fastify()
  t.after(() => app.close())
  limitUploads(app, {
    ...{ uploadsMax: 2, uploadsPerCallerMax: 2, uploadMinBytesPerSecond: 1, uploadLagMaxMs: 90 },
    callerOf: () => 'somebody',
  })
  app.addContentTypeParser('application/x-tar', (_request, payload, done) => done(null, payload))
  app.post('/', async ({ raw }, reply) => {
    const full = new Writable({ write: (_chunk, _encoding, done) => done(new Error('It is full.')) })
    await assert.rejects(pipeline(raw, full), /full/)
    await sleep(60) // several looks at its rate
    return reply.code(507).header('connection', 'close').send()
  })
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  const open = rawConnections(t)
  const sender = open(address)
  sender.write('POST / HTTP/1.1\r\nhost: test\r\ncontent-type: application/x-tar\r\ncontent-length: 100\r\n\r\n-')
  assert.match(await sender.arrival('\r\n\r\n'), /^HTTP\/1\.1 507/)
})

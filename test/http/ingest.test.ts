import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import sharp from 'sharp'
import { type Answer, startApp, type TestApp, temporaryFolder } from '../support/app.js'
import { type ArchiveEntry, tarOf, zipOf } from '../support/archives.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { formBody, formHeaders } from '../support/forms.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { endedJob, errorsOf, type Job, sendJob } from '../support/jobs.js'
import { bombPng } from '../support/png.js'
import { until } from '../support/until.js'

const gallery = '/v1/galleries/bulk'
const make = (app: TestApp) => app.call(201, { method: 'PUT', url: gallery })
const tar = { 'content-type': 'application/x-tar' }

async function drawnEntries(perLabel: number): Promise<ArchiveEntry[]> {
  const entries: ArchiveEntry[] = []
  for (const label of drawnLabels) {
    for (let seed = 0; seed < perLabel; seed++)
      entries.push({ path: `${label}/${seed}.jpg`, content: await drawImage(label, seed) })
  }
  return entries
}

const send = (app: TestApp, headers: Record<string, string>, payload: Buffer, query = '') =>
  sendJob(app, gallery, headers, payload, query)

test('an archive is taken in; every bad picture is one line of the report', async (t) => {
  const app = await startApp(t)
  await make(app)
  const picture = await drawImage('circle', 500)
  const good = await drawnEntries(3)
  const bad: [path: string, content: Buffer, code: string][] = [
    ['bad/text.jpg', Buffer.from('hello'), 'image_unreadable'],
    ['bad/empty.jpg', Buffer.alloc(0), 'image_empty'],
    ['bad/cut.jpg', picture.subarray(0, picture.length / 2), 'image_unreadable'],
    ['bad/bomb.png', bombPng(20_000), 'image_too_many_pixels'],
    ['bad/layers.psd', Buffer.from('8BPS\0\x01\0\0'), 'image_format_unsupported'],
    // The handmade model has no unit vector for black: our fault, and still only one line.
    [
      'bad/black.png',
      await sharp({ create: { width: 9, height: 9, channels: 3, background: '#000' } })
        .png()
        .toBuffer(),
      'internal',
    ],
    ['../../climbs.jpg', picture, 'archive_path_invalid'],
  ]
  const entries = [...good.slice(0, 6), ...bad.map(([path, content]) => ({ path, content })), ...good.slice(6)]
  const archive = await tarOf(entries)

  for (const [headers, payload, total] of [
    [tar, archive, null],
    [{ 'content-type': 'application/gzip' }, gzipSync(archive), null],
    [{ 'content-type': 'application/zip' }, zipOf(entries), entries.length],
  ] as const) {
    const accepted = await send(app, headers, payload)
    assert.equal(accepted.total, total)
    const job = await endedJob(app, accepted)
    assert.deepEqual(
      [job.state, job.done, job.failed, job.total, job.share, job.failure],
      ['completed_with_errors', entries.length, bad.length, entries.length, 1, null],
    )
    assert.deepEqual(
      (await errorsOf(app, job)).map(({ item, name, code }) => [item, name, code]),
      bad.map(([path, , code], at) => [6 + at, path, code]),
    )
  }
  const [last, second, first] = (await app.call(200, { method: 'GET', url: '/v1/jobs' })).jobs
  assert.deepEqual(
    [first?.added, first?.skipped, second?.skipped, last?.skipped],
    [12, 0, 12, 12],
    'what is already stored is skipped',
  )

  const { count } = await app.call(200, { method: 'GET', url: gallery })
  assert.equal(count, 12)
  for (const { path, content } of good) {
    const [hit] = (
      await app.call(200, {
        method: 'POST',
        url: `${gallery}/search?k=1`,
        headers: { 'content-type': 'image/jpeg' },
        payload: content!,
      })
    ).hits
    assert.deepEqual([hit?.id, hit?.label], [path, path.split('/')[0]])
  }
  const metrics = (await app.app.inject('/metrics')).body
  for (const line of ['{outcome="added"} 12', '{outcome="skipped"} 24', `{outcome="failed"} ${3 * bad.length}`])
    assert.ok(metrics.includes(`alike_ingest_images_total${line}`), line)
  assert.deepEqual(await readdir(join(app.config.dataDir, 'spool')), [], 'uploads are gone when their job has ended')
})

test('a form of many files takes labels from fields, else from folders', async (t) => {
  const app = await startApp(t, { uploadMaxBytes: 50_000 })
  await make(app)
  const file = async (filename: string, seed: number) => ({
    name: 'image',
    filename,
    content: await drawImage('cross', seed),
  })
  const longest = '\u{1f600}'.repeat(200)
  const payload = formBody([
    await file('folder/a.jpg', 1),
    { name: 'label', content: 'given' },
    await file('folder/b.jpg', 2),
    { name: 'image', filename: 'large.jpg', content: Buffer.alloc(60_000) },
    await file('c.jpg', 3),
    { name: 'label', content: '' },
    await file('d.jpg', 4),
    await file('../e.jpg', 5),
    { name: 'label', content: longest },
    await file('f.jpg', 6),
  ])
  const accepted = await send(app, formHeaders, payload, '?label=fallback')
  assert.equal(accepted.total, 7)
  const job = await endedJob(app, accepted)
  assert.deepEqual([job.state, job.added, job.failed], ['completed_with_errors', 5, 2])
  assert.deepEqual(
    (await errorsOf(app, job)).map(({ name, code }) => [name, code]),
    [
      ['large.jpg', 'image_too_large'],
      ['../e.jpg', 'archive_path_invalid'],
    ],
  )
  const { images } = await app.call(200, { method: 'GET', url: `${gallery}/images` })
  assert.deepEqual(
    images.map(({ id, label }) => [id, label]),
    [
      ['c.jpg', 'given'],
      ['d.jpg', 'fallback'],
      ['f.jpg', longest],
      ['folder/a.jpg', 'folder'],
      ['folder/b.jpg', 'given'],
    ],
  )
})

test('a picture in a form needs no file name, whatever its type', async (t) => {
  const app = await startApp(t)
  await make(app)
  const bytes = await drawImage('cross', 1)
  for (const type of ['image/jpeg', 'application/octet-stream']) {
    const payload = formBody([{ name: 'image', type, content: bytes }])
    const job = await endedJob(app, await send(app, formHeaders, payload))
    assert.equal(job.state, 'succeeded', type)
    await app.call(200, { method: 'POST', url: `${gallery}/search`, headers: formHeaders, payload })
  }
  const { images } = await app.call(200, { method: 'GET', url: `${gallery}/images` })
  assert.deepEqual(
    images.map(({ id }) => id),
    [createHash('sha256').update(bytes).digest('hex')],
  )
})

test('an archive may be sent as the only file of a form', async (t) => {
  const app = await startApp(t)
  await make(app)
  const archive = { name: 'archive', filename: 'photos.tar', content: await tarOf(await drawnEntries(1)) }
  assert.equal((await endedJob(app, await send(app, formHeaders, formBody([archive])))).added, 4)
  for (const parts of [
    [archive, archive],
    [archive, { name: 'label', content: 'x' }],
    [{ name: 'image', filename: 'a', content: 'x' }, archive],
    [{ name: 'colour', content: 'x' }],
  ]) {
    const problem = await app.call(400, {
      method: 'POST',
      url: `${gallery}/ingest`,
      headers: formHeaders,
      payload: formBody(parts),
    })
    assert.equal(problem.code, 'request_invalid')
  }
})

test('uploads that cannot become a job are refused at once and leave nothing behind', async (t) => {
  const app = await startApp(t, { ingestMaxBytes: 100_000 })
  await make(app)
  const archiveForm = (content: Buffer) => formBody([{ name: 'archive', filename: 'a.tar', content }])
  const rows: [headers: Record<string, string>, payload: Buffer, status: number, code: string][] = [
    [tar, Buffer.from('hello'), 422, 'archive_unreadable'],
    [tar, Buffer.alloc(0), 422, 'archive_unreadable'],
    [{ 'content-type': 'application/zip' }, zipOf(await drawnEntries(1)).subarray(0, -30), 422, 'archive_unreadable'],
    [tar, Buffer.alloc(100_001), 413, 'body_too_large'],
    [formHeaders, archiveForm(Buffer.alloc(100_001)), 413, 'body_too_large'],
    [{ 'content-type': 'image/jpeg' }, await drawImage('circle', 1), 415, 'media_type_unsupported'],
    [formHeaders, formBody([]), 400, 'image_missing'],
    [
      formHeaders,
      formBody([{ name: 'image', filename: 'a.jpg', content: await drawImage('circle', 1) }]).subarray(0, 200),
      400,
      'body_incomplete',
    ],
  ]
  rows.push([tar, Buffer.alloc(9), 404, 'gallery_not_found'])
  const address = await app.listen() // requests of `inject` do not end like real ones when they are cut off: on Node 22 a pipeline waits for them
  for (const [headers, payload, status, code] of rows) {
    const url = `${address}${status === 404 ? '/v1/galleries/none' : gallery}/ingest`
    const answer = await fetch(url, { method: 'POST', headers, body: new Uint8Array(payload) })
    assert.deepEqual([answer.status, ((await answer.json()) as { code: string }).code], [status, code])
  }
  assert.equal((await app.call(200, { method: 'GET', url: '/v1/jobs' })).jobs.length, 0)
  assert.deepEqual(await readdir(join(app.config.dataDir, 'spool')), [])
})

test('an upload that is stated to be too large is refused before it is received', async (t) => {
  const app = await startApp(t, { ingestMaxBytes: 100_000 })
  await make(app)
  const stated = { ...tar, 'content-length': 100_001 }
  const upload = request(`${await app.listen()}${gallery}/ingest`, { method: 'POST', headers: stated })
  upload.on('error', () => {})
  upload.flushHeaders()
  const [answer] = (await once(upload, 'response')) as [IncomingMessage]
  assert.deepEqual([answer.statusCode, /"body_too_large"/.test(await text(answer))], [413, true])
  upload.destroy()
})

test('pictures before the damage in a damaged archive are kept', async (t) => {
  const app = await startApp(t)
  await make(app)
  const archive = await tarOf(await drawnEntries(2))
  const job = await endedJob(app, await send(app, tar, archive.subarray(0, -1500)))
  assert.equal(job.state, 'failed')
  assert.equal(job.failure?.code, 'archive_unreadable')
  assert.ok(job.added >= 6)
  assert.equal((await app.call(200, { method: 'GET', url: gallery })).count, job.added)
})

test('bytes after a gzip do not affect its content, and are reported', async (t) => {
  const app = await startApp(t)
  await make(app)
  const entries = await drawnEntries(1)
  const packed = gzipSync(await tarOf(entries))
  const job = await endedJob(
    app,
    await send(app, { 'content-type': 'application/gzip' }, Buffer.concat([packed, Buffer.from('appended')])),
  )
  assert.deepEqual(
    [job.state, job.added, job.skipped, job.failed, job.total],
    ['succeeded', entries.length, 1, 0, entries.length + 1],
  )
  assert.deepEqual(
    (await errorsOf(app, job)).map(({ item, code }) => [item, code]),
    [[entries.length, 'archive_trailing_bytes']],
  )
})

test('a later entry with the same path wins; changing only the label is an update without embedding', async (t) => {
  const app = await startApp(t)
  await make(app)
  const [one, two] = [await drawImage('circle', 1), await drawImage('square', 2)]
  const twice = [
    { path: 'x/a.jpg', content: one },
    { path: 'x/a.jpg', content: two },
    { path: 'x/a.jpg', content: one },
  ]
  const job = await endedJob(app, await send(app, tar, await tarOf(twice)))
  assert.deepEqual([job.added, job.updated], [1, 2])
  const [hit] = (
    await app.call(200, {
      method: 'POST',
      url: `${gallery}/search`,
      headers: { 'content-type': 'image/jpeg' },
      payload: one,
    })
  ).hits
  assert.ok(hit !== undefined && hit.score > 0.9999)

  await app.call(200, {
    method: 'PATCH',
    url: `${gallery}/images/${encodeURIComponent('x/a.jpg')}`,
    payload: { label: 'y', metadata: { kept: true } },
  })
  const relabelled = await endedJob(app, await send(app, tar, await tarOf([{ path: 'x/a.jpg', content: one }])))
  assert.deepEqual([relabelled.updated, relabelled.skipped], [1, 0])
  const [image] = (await app.call(200, { method: 'GET', url: `${gallery}/images` })).images
  assert.deepEqual([image?.label, image?.metadata], ['x', { kept: true }])
  assert.match((await app.app.inject('/metrics')).body, /alike_embed_batch_size_sum 4\n/) // three of the first job, one query
})

test('state, events, metrics and log of a job show whether all, some or none of its pictures were stored', async (t) => {
  const app = await startApp(t)
  await make(app)
  const [good, bad] = [await drawImage('circle', 1), Buffer.from('no picture')]
  for (const [contents, state, code] of [
    [[good], 'succeeded', undefined],
    [[good, bad], 'completed_with_errors', undefined],
    [[bad, bad], 'failed', 'job_items_failed'],
  ] as const) {
    const { id } = await send(app, tar, await tarOf(contents.map((content, i) => ({ path: `x/${i}.jpg`, content }))))
    const job = await endedJob(app, { id } as Job)
    assert.deepEqual(
      [job.state, job.failure?.code, job.done, job.total],
      [state, code, contents.length, contents.length],
    )
    assert.match((await app.app.inject(`/v1/jobs/${id}/events`)).body, new RegExp(`event: end[^]*"state":"${state}"`))
    assert.deepEqual(
      (await app.call<{ jobs: Job[] }>(200, { url: `/v1/jobs?state=${state}` })).jobs.map((one) => one.id),
      [id],
    )
    // counted and logged once the end is stored, which is when it can be read
    const counted = `alike_jobs_ended_total{kind="ingest",state="${state}"} 1\n`
    await until(async () => (await app.app.inject('/metrics')).body.includes(counted), counted)
    const logged = `job ${state.replaceAll('_', ' ')}`
    await until(() => app.log.some(({ msg, jobId }) => jobId === id && msg === logged), logged)
  }
  const damaged = await endedJob(
    app,
    await send(
      app,
      { 'content-type': 'application/gzip' },
      gzipSync(await tarOf([{ path: 'a.jpg', content: good }])).subarray(0, 200),
    ),
  )
  assert.deepEqual([damaged.state, damaged.failure?.code], ['failed', 'archive_unreadable'])
  assert.deepEqual(
    app.log.filter(({ level }) => Number(level) >= 50),
    [],
    'faults of uploads are not logged as errors of the service',
  )
})

test('jobs wait in a queue, can be cancelled, and are refused when the queue is full', async (t) => {
  const app = await startApp(t, { ingestJobsMax: 3 })
  await make(app)
  const archive = await tarOf(await drawnEntries(60))
  const jobs = [await send(app, tar, archive), await send(app, tar, archive), await send(app, tar, archive)]
  const refused = await app.app.inject({ method: 'POST', url: `${gallery}/ingest`, headers: tar, payload: archive })
  assert.deepEqual(
    [refused.statusCode, refused.json<Answer>().code, refused.headers['retry-after']],
    [429, 'job_queue_full', '30'],
  )

  const [running, queued, third] = jobs.map(({ id }) => `/v1/jobs/${id}`) as [string, string, string]
  for (const url of [queued, running])
    assert.equal((await app.app.inject({ method: 'DELETE', url })).json<Job>().state, 'cancelled')
  const stopped = (await app.app.inject(running)).json<Job>()
  assert.ok(stopped.done < 240)
  const { count } = await app.call(200, { method: 'GET', url: gallery })
  // without a transaction for both, the pictures of the last step may be stored and not counted
  const uncountedMax = process.env['TEST_ENGINE'] === 'weaviate' ? 48 : 0
  assert.ok(
    count >= stopped.added && count <= stopped.added + uncountedMax,
    `what was ingested stays, and nothing is added afterwards: ${count} stored, ${stopped.added} counted`,
  )
  for (const url of [queued, running])
    assert.equal((await app.call(409, { method: 'DELETE', url })).code, 'job_finished')
  const last = await endedJob(app, (await app.app.inject(third)).json<Job>())
  assert.deepEqual([last.state, last.added + last.skipped], ['succeeded', 240])
  assert.deepEqual(
    (await app.call(200, { method: 'GET', url: '/v1/jobs?state=cancelled&gallery=bulk' })).jobs
      .map(({ id }) => id)
      .sort(),
    jobs
      .slice(0, 2)
      .map(({ id }) => id)
      .sort(),
  )
})

test('the same idempotency key returns the same job', async (t) => {
  const app = await startApp(t)
  await make(app)
  const archive = await tarOf(await drawnEntries(1))
  const first = await send(app, { ...tar, 'idempotency-key': 'upload 7' }, archive)
  const second = await send(app, { ...tar, 'idempotency-key': 'upload 7' }, archive)
  assert.equal(second.id, first.id)
  assert.equal((await endedJob(app, second)).added, 4)
})

test('a job ends when its gallery is deleted', async (t) => {
  const app = await startApp(t)
  await make(app)
  const job = await send(app, tar, await tarOf(await drawnEntries(40)))
  await app.call(204, { method: 'DELETE', url: gallery })
  await make(app)
  const { state, failure } = await endedJob(app, job)
  assert.deepEqual([state, failure?.code], ['failed', 'gallery_not_found'])
  assert.equal((await app.call(200, { method: 'GET', url: gallery })).count, 0)
})

test('a stopped service continues its jobs at the next start', async (t) => {
  const [dataDir, modelDir] = [await temporaryFolder(t), (await handmadeModel(t)).folder]
  const entries = await drawnEntries(50)
  const first = await startApp(t, { dataDir, modelDir })
  await make(first)
  const job = await send(first, tar, await tarOf(entries))
  const waiting = await send(first, tar, await tarOf(entries.slice(0, 9)))
  await until(async () => (await first.app.inject(`/v1/jobs/${job.id}`)).json<Job>().done > 0)
  await first.close()

  const second = await startApp(t, { dataDir, modelDir })
  const done = await endedJob(second, job)
  assert.deepEqual(
    [done.state, done.added, done.skipped, done.updated],
    ['succeeded', 200, 0, 0],
    'nothing is done twice',
  )
  assert.equal((await endedJob(second, waiting)).skipped, 9)
  assert.equal((await second.call(200, { method: 'GET', url: gallery })).count, 200)
})

test('searches are served while a job runs', async (t) => {
  const app = await startApp(t)
  await make(app)
  const entries = await drawnEntries(60)
  const job = await send(app, tar, await tarOf(entries))
  let searches = 0
  while ((await app.app.inject(`/v1/jobs/${job.id}`)).json<Job>().finishedAt === null) {
    await app.call(200, {
      method: 'POST',
      url: `${gallery}/search`,
      headers: { 'content-type': 'image/jpeg' },
      payload: entries[0]!.content!,
    })
    searches += 1
  }
  assert.ok(searches > 5, `${searches} searches`)
})

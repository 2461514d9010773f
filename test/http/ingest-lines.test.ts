import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openRemoteImages } from '../../src/remote/remote-images.js'
import { type Answer, startApp } from '../support/app.js'
import { tarOf, zipOf, zstdOf } from '../support/archives.js'
import { drawImage } from '../support/drawn-images.js'
import { imageServer } from '../support/image-server.js'
import { endedJob, errorsOf, sendJob } from '../support/jobs.js'
import { until } from '../support/until.js'

const gallery = '/v1/galleries/lines'
const ndjson = { 'content-type': 'application/x-ndjson' }
const linesOf = (...lines: object[]) => Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))

test('lines store and remove in order; every bad one is one line of the report', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  const [one, two] = [
    (await drawImage('circle', 1)).toString('base64'),
    (await drawImage('cross', 2)).toString('base64'),
  ]
  const first = await sendJob(
    app,
    gallery,
    ndjson,
    linesOf(
      { add: { id: 'a', label: 'x', metadata: { year: 2024 }, image: one } },
      { add: { id: 'b', image: two } },
      { delete: { id: 'a' } },
      { add: { id: 'a', image: two } },
      { delete: { id: 'never there' } },
      { add: { id: 'c', image: Buffer.from('no picture').toString('base64') } },
      { nonsense: true },
      { add: { id: 'd', url: 'https://example.com/d.jpg' } },
      { delete: { id: 'b' } },
    ),
    '?label=fallback',
  )
  assert.equal(first.total, 9)
  const job = await endedJob(app, first)
  assert.deepEqual(
    [job.state, job.done, job.added, job.updated, job.removed, job.skipped, job.failed],
    ['completed_with_errors', 9, 3, 0, 2, 1, 3],
  )
  assert.deepEqual(
    (await errorsOf(app, job)).map(({ item, name, code }) => [item, name, code]),
    [
      [5, 'c', 'image_unreadable'],
      [6, 'line 7', 'line_invalid'],
      [7, 'd', 'url_disabled'],
    ],
  )
  const { images } = await app.call(200, { method: 'GET', url: `${gallery}/images` })
  assert.deepEqual(
    images.map(({ id, label, metadata }) => [id, label, metadata]),
    [['a', 'fallback', {}]],
    'a removed picture leaves nothing to the one stored after it',
  )
  const search = await app.call(200, { method: 'POST', url: `${gallery}/search`, payload: { image: two } })
  assert.deepEqual(
    search.hits.map(({ id, score }) => [id, score > 0.9999]),
    [['a', true]],
  )

  const again = await endedJob(
    app,
    await sendJob(
      app,
      gallery,
      { 'content-type': 'application/jsonl; charset=utf-8' },
      linesOf({ add: { id: 'a', label: 'fallback', image: two } }, { delete: { id: 'b' } }),
    ),
  )
  assert.deepEqual([again.skipped, again.done], [2, 2], 'what is already so is left unchanged')
  assert.ok((await app.app.inject('/metrics')).body.includes('alike_ingest_images_total{outcome="removed"} 2'))
})

test('lines change stored pictures as PATCH does, in order with the others', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  const image = (await drawImage('circle', 1)).toString('base64')
  const send = async (...lines: object[]) =>
    endedJob(app, await sendJob(app, gallery, ndjson, linesOf(...lines), '?label=fallback'))
  await send(
    ...['a', 'b', 'one', 'other'].map((id) => ({ add: { id, label: 'x', metadata: { year: 2024, by: id }, image } })),
  )
  const pictures = `${gallery}/images`
  const patched = await app.call(200, { method: 'PATCH', url: `${pictures}/one`, payload: { metadata: { year: 1 } } })
  const embedded = async () =>
    /^alike_embed_batch_size_sum.* (\d+)$/m.exec((await app.app.inject('/metrics')).body)?.[1]

  const job = await send(
    { patch: { id: 'a', label: 'first' } },
    { patch: { id: 'a', label: 'Ka\u0308se' } },
    { patch: { id: 'other', metadata: { year: 1 } } },
    { patch: { id: 'none', label: 'too early' } },
    { delete: { id: 'b' } },
    { patch: { id: 'b', label: 'too late' } },
    { add: { id: 'c', label: 'x', image } },
    { patch: { id: 'c', label: null, metadata: { n: 1 } } },
    { delete: { id: 'c' } },
    { add: { id: 'c', label: 'y', image } },
    { patch: { id: 'c', metadata: { n: 2 } } },
    { patch: { id: 'c' } },
  )
  assert.deepEqual(
    [job.state, job.total, job.done, job.added, job.updated, job.removed, job.skipped, job.failed],
    ['completed_with_errors', 12, 12, 2, 5, 2, 0, 3],
  )
  assert.deepEqual(
    (await errorsOf(app, job)).map(({ item, name, code }) => [item, name, code]),
    [
      [3, 'none', 'image_not_found'],
      [5, 'b', 'image_not_found'],
      [11, 'line 12', 'line_invalid'],
    ],
  )
  const missing = await app.call(404, { method: 'PATCH', url: `${pictures}/none`, payload: { label: 'x' } })
  assert.equal(missing.code, 'image_not_found', 'as PATCH says')
  const { images } = await app.call(200, { method: 'GET', url: pictures })
  assert.deepEqual(
    images.map(({ id, label, metadata }) => [id, label, metadata]),
    [
      ['a', 'K\u00e4se', { year: 2024, by: 'a' }],
      ['c', 'y', { n: 2 }],
      ['one', patched.label, patched.metadata],
      ['other', patched.label, patched.metadata],
    ],
  )
  const { body } = await app.app.inject('/metrics')
  assert.match(body, /alike_ingest_images_total\{outcome="updated"\} 5\n/)
  assert.match(body, /alike_ingest_images_total\{outcome="failed"\} 3\n/)
  const events = await app.app.inject(`/v1/jobs/${job.id}/events`)
  assert.match(events.body, /"updated":5,"removed":2,"skipped":0,"failed":3/)

  const before = await embedded()
  const all = await send({ patch: { id: 'none', label: 'x' } })
  assert.deepEqual([all.state, all.failure?.code], ['failed', 'job_items_failed'])
  const last = await send({ patch: { id: 'a', metadata: {} } }, { patch: { id: 'one', label: 'z' } })
  assert.deepEqual([last.state, last.updated, last.done], ['succeeded', 2, 2])
  assert.equal(await embedded(), before, 'a patch embeds nothing')
})

test('pictures come by URL in lines, searches, embeddings and comparisons, from allowed hosts only', async (t) => {
  const picture = await drawImage('circle', 3)
  const { host, url } = await imageServer(t, {
    '/a.jpg': (response) => response.end(picture),
    '/text': (response) => response.writeHead(200, { 'content-type': 'image/jpeg' }).end('hello'),
    '/away': (response) => response.writeHead(302, { location: 'http://169.254.169.254/latest' }).end(),
  })
  const remote = openRemoteImages({
    urlAllowedHosts: host,
    urlTimeoutMs: 20_000,
    uploadMaxBytes: 1e6,
    allowLoopback: true,
  })
  const app = await startApp(t, {}, remote)
  await app.call(201, { method: 'PUT', url: gallery })
  const add = (id: string, from: string) => ({ add: { id, url: from } })
  const job = await endedJob(
    app,
    await sendJob(
      app,
      gallery,
      ndjson,
      linesOf(
        add('a', `${url}/a.jpg`),
        add('b', `${url}/text`),
        add('c', `${url}/away`),
        add('d', 'http://10.0.0.1/'),
        add('e', `${url}/none`),
      ),
    ),
  )
  assert.deepEqual([job.added, job.failed], [1, 4])
  assert.deepEqual(
    (await errorsOf(app, job)).map(({ code }) => code),
    ['image_unreadable', 'url_not_allowed', 'url_not_allowed', 'url_unreachable'],
  )

  const found = await app.call(200, {
    method: 'POST',
    url: `${gallery}/search`,
    payload: { url: `${url}/a.jpg`, k: 1 },
  })
  assert.ok(found.hits[0]?.id === 'a' && found.hits[0].score > 0.9999)
  const outside = await app.call(422, {
    method: 'POST',
    url: `${gallery}/search`,
    payload: { url: `${url}/a.jpg`, region: { x: 2, y: 2, width: 0.5, height: 0.5 } },
  })
  assert.equal(outside.code, 'region_invalid', 'a region belongs to the fetched picture')
  const { vector } = await app.call(200, { method: 'POST', url: '/v1/embeddings', payload: { url: `${url}/a.jpg` } })
  assert.equal(vector?.length, 24)
  await app.call(201, { method: 'PUT', url: `${gallery}/images/f`, payload: { url: `${url}/a.jpg`, label: 'circle' } })
  const { id } = await app.call(201, { method: 'POST', url: `${gallery}/images`, payload: { url: `${url}/a.jpg` } })
  assert.deepEqual(
    (await app.call(200, { method: 'POST', url: `${gallery}/search`, payload: { imageId: 'f', k: 2 } })).hits
      .map((hit) => hit.id)
      .sort(),
    ['a', id].sort(),
  )
  const twice = await app.call(400, {
    method: 'PUT',
    url: `${gallery}/images/f`,
    payload: { url: `${url}/a.jpg`, image: picture.toString('base64') },
  })
  assert.equal(twice.code, 'request_invalid')
  assert.equal(
    (await app.call(422, { method: 'PUT', url: `${gallery}/images/g`, payload: { url: `${url}/away` } })).code,
    'url_not_allowed',
  )
  for (const payload of [
    { urls: [`${url}/a.jpg`, `${url}/a.jpg`] },
    { images: [picture.toString('base64')], urls: [`${url}/a.jpg`] },
  ]) {
    assert.ok((await app.call<{ score: number }>(200, { method: 'POST', url: '/v1/compare', payload })).score > 0.9999)
  }
  for (const [from, code] of [
    [`${url}/away`, 'url_not_allowed'],
    ['http://localhost/', 'url_not_allowed'],
    [`${url}/none`, 'url_unreachable'],
    [`${url}/text`, 'image_unreadable'],
  ] as const) {
    assert.equal((await app.call(422, { method: 'POST', url: `${gallery}/search`, payload: { url: from } })).code, code)
  }
  assert.equal(
    (await app.call(400, { method: 'POST', url: '/v1/compare', payload: { urls: [`${url}/a.jpg`] } })).code,
    'request_invalid',
  )
})

test('if one of two pictures cannot be fetched, the other one is not fetched any longer', async (t) => {
  let [isAsked, isGivenUp] = [false, false]
  const { host, url } = await imageServer(t, {
    '/slow': (response) => {
      isAsked = true
      response.on('close', () => {
        isGivenUp = true
      })
    },
    '/none': (response) => void until(() => isAsked).then(() => response.writeHead(404).end()),
  })
  const limits = { urlTimeoutMs: 120_000, uploadMaxBytes: 1e6 }
  const app = await startApp(t, {}, openRemoteImages({ urlAllowedHosts: host, allowLoopback: true, ...limits }))
  const answer = await fetch(`${await app.listen()}/v1/compare`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ urls: [`${url}/slow`, `${url}/none`] }),
  })
  assert.equal(((await answer.json()) as { code: string }).code, 'url_unreachable')
  await until(() => isGivenUp, 'the end of the other request')
})

test('without allowed hosts a URL is refused with its code', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  for (const address of [`${gallery}/search`, `${gallery}/images`, '/v1/embeddings']) {
    assert.equal(
      (await app.call(422, { method: 'POST', url: address, payload: { url: 'http://example.com/a.jpg' } })).code,
      'url_disabled',
    )
  }
})

test('an archive is taken in according to its manifest; an unusable manifest ends the job before it begins', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  const [a, b] = [await drawImage('circle', 1), await drawImage('square', 1)]
  const manifest = Buffer.from('filename,label,id,year\nx/a.jpg,cycling,one,2024\nx/b.jpg,,,\nx/c.jpg,running,,\n')
  const entries = [
    { path: 'x/a.jpg', content: a },
    { path: 'x/b.jpg', content: b },
    { path: 'manifest.csv', content: manifest },
  ]
  for (const [type, payload] of [
    ['application/zstd', zstdOf(await tarOf(entries))],
    ['application/zip', zipOf(entries)],
  ] as const) {
    const job = await endedJob(app, await sendJob(app, gallery, { 'content-type': type }, payload))
    assert.deepEqual([job.state, job.added + job.skipped, job.failed, job.total], ['completed_with_errors', 2, 1, 3])
    assert.deepEqual(
      (await errorsOf(app, job)).map(({ item, name, code }) => [item, name, code]),
      [[2, 'x/c.jpg', 'manifest_file_missing']],
    )
  }
  const { images } = await app.call(200, { method: 'GET', url: `${gallery}/images` })
  assert.deepEqual(
    images.map(({ id, label, metadata }) => [id, label, metadata]),
    [
      ['one', 'cycling', { year: 2024 }],
      ['x/b.jpg', null, {}],
    ],
  )

  const bad = [...entries, { path: 'labels.csv', content: manifest }]
  const { state, failure, done } = await endedJob(
    app,
    await sendJob(app, gallery, { 'content-type': 'application/x-tar' }, await tarOf(bad)),
  )
  assert.deepEqual([state, failure?.code, done], ['failed', 'manifest_invalid', 0])
  const refused = await app.app.inject({
    method: 'POST',
    url: `${gallery}/ingest`,
    headers: { 'content-type': 'application/zip' },
    payload: zipOf(bad),
  })
  assert.deepEqual(
    [refused.statusCode, refused.json<Answer>().code],
    [422, 'manifest_invalid'],
    'a zip is examined before it is accepted',
  )
})

test('too many lines are refused and leave nothing behind', async (t) => {
  const app = await startApp(t, { ingestMaxFiles: 3 })
  await app.call(201, { method: 'PUT', url: gallery })
  const lines = linesOf(...Array.from({ length: 4 }, (_, n) => ({ delete: { id: String(n) } })))
  assert.equal(
    (await app.call(422, { method: 'POST', url: `${gallery}/ingest`, headers: ndjson, payload: lines })).code,
    'archive_unreadable',
  )
  assert.equal((await app.call(200, { method: 'GET', url: '/v1/jobs' })).jobs.length, 0)
})

/** How a job reports names: repeated, assumed or undecodable; and how uploads may declare their encoding. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type Answer, startApp, type TestApp } from '../support/app.js'
import { rawTar, tarOf, zipOf } from '../support/archives.js'
import { drawImage } from '../support/drawn-images.js'
import { formBody, formHeaders } from '../support/forms.js'
import { endedJob, errorsOf, type Job, sendJob } from '../support/jobs.js'

const gallery = '/v1/galleries/bulk'
const tar = { 'content-type': 'application/x-tar' }
const zip = { 'content-type': 'application/zip' }

async function open(t: Parameters<typeof startApp>[0]): Promise<{ app: TestApp; pictures: Buffer[] }> {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  return { app, pictures: await Promise.all([1, 2, 3].map((seed) => drawImage('circle', seed))) }
}

const sent = async (app: TestApp, headers: Record<string, string>, payload: Buffer, query = ''): Promise<Job> =>
  endedJob(app, await sendJob(app, gallery, headers, payload, query))

test('a second picture with the same id in one upload is counted and listed, in every kind of upload', async (t) => {
  const {
    app,
    pictures: [one, two, three],
  } = await open(t)
  const entries = [
    { path: 'K\u00e4se/1.jpg', content: one! },
    { path: 'Ka\u0308se/1.jpg', content: two! },
    { path: './K\u00e4se/1.jpg', content: two! },
    { path: 'other.jpg', content: three! },
  ]
  const form = formBody(entries.map(({ path, content }) => ({ name: 'image', filename: path, content })))
  for (const [headers, payload] of [
    [tar, await tarOf(entries)],
    [zip, zipOf(entries)],
    [formHeaders, form],
  ] as const) {
    const job = await sent(app, headers, payload)
    assert.deepEqual([job.state, job.done, job.failed, job.replaced], ['succeeded', 4, 0, 2])
    const lines = await errorsOf(app, job)
    assert.deepEqual(
      lines.map(({ item, code }) => [item, code]),
      [
        [1, 'id_repeated'],
        [2, 'id_repeated'],
      ],
    )
    assert.match(lines[0]!.detail, /with the id "Käse\/1\.jpg"/)
    const [image] = (await app.call(200, { url: `${gallery}/images` })).images
    assert.deepEqual([image?.id, image?.label], ['K\u00e4se/1.jpg', 'K\u00e4se'])
  }
  const bad = await sent(
    app,
    tar,
    await tarOf([
      { path: 'a.jpg', content: one! },
      { path: 'a.jpg', content: Buffer.from('no picture') },
    ]),
  )
  assert.deepEqual([bad.replaced, bad.failed], [0, 1], 'what is not accepted replaces nothing')
})

test('zip names with an assumed encoding are counted; names that cannot be decoded are error lines', async (t) => {
  const {
    app,
    pictures: [content],
  } = await open(t)
  const dos = zipOf([
    {
      path: '',
      name: { bytes: Buffer.from('K\x84se.jpg', 'latin1'), isFlaggedUtf8: false, madeBy: 0 },
      content: content!,
    },
  ])
  const assumed = await sent(app, zip, dos)
  assert.deepEqual([assumed.added, assumed.namesAssumed], [1, 1])
  const stated = await sent(app, zip, dos, '?nameEncoding=cp437')
  assert.deepEqual([stated.skipped, stated.namesAssumed], [1, 0])

  const latin1 = rawTar(['müller/1.jpg', 'möller/1.jpg'].map((name) => ({ name, content: content! })))
  const unread = await sent(app, tar, latin1)
  assert.deepEqual([unread.added, unread.failed], [0, 2])
  assert.deepEqual(
    (await errorsOf(app, unread)).map(({ name, code }) => [name, code]),
    [
      ['m\\xfcller/1.jpg', 'name_unreadable'],
      ['m\\xf6ller/1.jpg', 'name_unreadable'],
    ],
  )
  assert.equal((await sent(app, tar, latin1, '?nameEncoding=windows-1252')).added, 2)

  const form = formBody(
    ['m\xfcller.jpg', 'm\xf6ller.jpg', 'plain.jpg'].map((filename) => ({ name: 'image', filename, content: content! })),
    'latin1',
  )
  const inForm = await sent(app, formHeaders, form)
  assert.deepEqual([inForm.added, inForm.failed], [1, 2])
  assert.deepEqual(
    (await errorsOf(app, inForm)).map(({ code }) => code),
    ['name_unreadable', 'name_unreadable'],
  )
  const { images } = await app.call(200, { url: `${gallery}/images` })
  assert.deepEqual(
    images.map(({ id }) => id),
    ['Käse.jpg', 'möller/1.jpg', 'müller/1.jpg', 'plain.jpg'],
  )
})

test('litter in an archive or form is skipped, or taken in on request', async (t) => {
  const {
    app,
    pictures: [content],
  } = await open(t)
  const paths = ['a.jpg', '.DS_Store', 'x/@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg', 'a.xmp']
  const entries = paths.map((path) => ({ path, content: content! }))
  const form = formBody(entries.map(({ path, content }) => ({ name: 'image', filename: path, content })))
  for (const [headers, payload] of [
    [tar, await tarOf(entries)],
    [zip, zipOf(entries)],
    [formHeaders, form],
  ] as const) {
    const job = await sent(app, headers, payload)
    assert.deepEqual([job.total, job.added + job.skipped, job.failed], [4, 4, 0])
  }
  assert.deepEqual((await app.call(200, { url: gallery })).count, 1)
  const taken = await sent(app, tar, await tarOf(entries), '?litter=take')
  assert.deepEqual([taken.added, taken.skipped], [3, 1])
})

test('the parameters of an upload are validated, and the allowed values reported', async (t) => {
  const { app } = await open(t)
  for (const query of ['?nameEncoding=martian', '?manifestEncoding=base64', '?litter=some']) {
    const problem = await app.call(400, {
      method: 'POST',
      url: `${gallery}/ingest${query}`,
      headers: tar,
      payload: Buffer.alloc(1024),
    })
    assert.equal(problem.code, 'request_invalid', query)
  }
})

test('base64 may be line-wrapped; a compressed body is refused', async (t) => {
  const {
    app,
    pictures: [content],
  } = await open(t)
  const wrapped = content!.toString('base64').replace(/.{76}/g, '$&\r\n')
  const lines = Buffer.from(`${JSON.stringify({ add: { id: 'line', image: wrapped } })}\n`)
  assert.equal((await sent(app, { 'content-type': 'application/x-ndjson' }, lines)).added, 1)
  await app.call(201, {
    method: 'PUT',
    url: `${gallery}/images/json`,
    payload: { image: `data:image/jpeg;base64,${wrapped}\n` },
  })
  for (const image of ['A', 'AAAA!', 'AA*A', 'AAAA=AAA'])
    await app.call(400, { method: 'PUT', url: `${gallery}/images/bad`, payload: { image } })

  const rows = [
    {
      method: 'POST',
      url: `${gallery}/ingest`,
      headers: { 'content-type': 'application/x-ndjson' },
      payload: gzipSync(lines),
    },
    {
      method: 'POST',
      url: `${gallery}/search`,
      headers: { 'content-type': 'image/jpeg' },
      payload: gzipSync(content!),
    },
    {
      method: 'PATCH',
      url: `${gallery}/images/json`,
      headers: { 'content-type': 'application/json' },
      payload: gzipSync('{"label":"x"}'),
    },
    { method: 'POST', url: `${gallery}/ingest`, headers: formHeaders, payload: gzipSync('x') },
  ] as const
  for (const { headers, ...request } of rows) {
    const response = await app.app.inject({ ...request, headers: { ...headers, 'content-encoding': 'gzip' } })
    assert.deepEqual(
      [response.statusCode, response.json<Answer>().code, response.headers['accept-encoding']],
      [415, 'media_type_unsupported', 'identity'],
      request.url,
    )
    assert.match(response.json<Answer>().detail ?? '', /Content-Encoding is not supported/)
  }
  const plain = await app.app.inject({
    method: 'PATCH',
    url: `${gallery}/images/json`,
    headers: { 'content-type': 'application/json', 'content-encoding': 'identity' },
    payload: '{"label":"x"}',
  })
  assert.equal(plain.statusCode, 200)
})

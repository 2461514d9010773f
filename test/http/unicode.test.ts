/** Any Unicode text is returned as sent, in NFC: through URLs, headers, JSON, lines and archives. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startApp } from '../support/app.js'
import { tarOf, zipOf } from '../support/archives.js'
import { drawImage } from '../support/drawn-images.js'
import { formBody, formHeaders } from '../support/forms.js'
import { endedJob, errorsOf, sendJob } from '../support/jobs.js'

const names = [
  'ä',
  'Ka\u0308se',
  '日本語',
  '👩‍👩‍👧‍👦',
  'עברית',
  'a b+c%2F?#&=;,@!$',
  '"quoted" and \'single\' <tag>',
  '\u{10ffff}',
  'ﬁ',
  '𝒜',
  'zero\u200bwidth',
  '\u202eright to left',
  '한글',
]
const gallery = '/v1/galleries/unicode'

test('ids and labels with any characters work in URLs, headers and JSON', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  const payload = await drawImage('circle', 1, { format: 'png' })
  for (const name of names) {
    const [id, composed] = [`${name}/${name}.png`, `${name}/${name}.png`.normalize('NFC')]
    const url = `${gallery}/images/${encodeURIComponent(id)}`
    const put = await app.app.inject({
      method: 'PUT',
      url: `${url}?label=${encodeURIComponent(name)}&metadata=${encodeURIComponent(JSON.stringify({ [name]: name }))}`,
      headers: { 'content-type': 'image/png' },
      payload,
    })
    assert.equal(put.statusCode, 201, put.body)
    for (const value of Object.values(put.headers)) assert.match(String(value), /^[\x20-\x7e]*$/)
    const record = await app.call(200, { url })
    // metadata belongs to the caller: it is returned unchanged
    assert.deepEqual([record.id, record.label, record.metadata], [composed, name.normalize('NFC'), { [name]: name }])
    const { hits } = await app.call(200, {
      method: 'POST',
      url: `${gallery}/search`,
      payload: { imageId: id, includeSelf: true, label: name, k: 1, include: ['thumbnail'] },
    })
    assert.equal(hits[0]?.id, composed)
    assert.equal((await app.app.inject(String(hits[0]?.thumbnail))).statusCode, 200)
    await app.call(204, { method: 'DELETE', url })
  }
})

test('so they do in tars, zips and lines', async (t) => {
  const app = await startApp(t)
  const image = await drawImage('circle', 1)
  const paths = names.map((name) => `${name}/${name}.jpg`)
  const entries = paths.map((path, n) => ({ path, content: Buffer.concat([image, Buffer.from(String(n))]) }))
  const lines = entries.map(({ path, content }) =>
    JSON.stringify({ add: { id: path, label: path.split('/')[0], image: content.toString('base64') } }),
  )
  const expected = paths.map((path) => [path.normalize('NFC'), path.split('/')[0]!.normalize('NFC')])
  for (const [type, payload] of [
    ['application/x-tar', await tarOf(entries)],
    ['application/zip', zipOf(entries)],
    ['application/x-ndjson', Buffer.from(lines.join('\n'))],
  ] as const) {
    await app.call(201, { method: 'PUT', url: gallery })
    const job = await endedJob(app, await sendJob(app, gallery, { 'content-type': type }, payload))
    assert.deepEqual([job.added, job.failed], [names.length, 0], type)
    const { images } = await app.call(200, { url: `${gallery}/images` })
    const stored = new Map(images.map(({ id, label }) => [id, label]))
    for (const [id, label] of expected) assert.equal(stored.get(id!), label, `${type}: ${id}`)
    await app.call(204, { method: 'DELETE', url: gallery })
  }
})

test('an id is at most 512 characters long also in NFC, in which it is shown and asked for', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  const payload = await drawImage('circle', 1, { format: 'png' })
  const put = { method: 'PUT', headers: { 'content-type': 'image/png' }, payload } as const
  const urlOf = (id: string) => `${gallery}/images/${encodeURIComponent(id)}`
  // one character that is two in NFC
  const { id } = await app.call(201, { ...put, url: urlOf('\u0958'.repeat(256)) })
  await app.call(200, { url: urlOf(id) })
  const { errors } = await app.call(400, { ...put, url: urlOf('\u0958'.repeat(257)) })
  assert.deepEqual(errors?.[0]?.pointer, '/id')
})

test('a label is at most 200 characters long also in NFC, in which it is shown and asked for', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: gallery })
  const image = await drawImage('circle', 1, { format: 'png' })
  const url = `${gallery}/images/a`
  const put = { method: 'PUT', url, headers: { 'content-type': 'image/png' }, payload: image } as const
  // one character that is two in NFC
  const [fits, long] = ['\u0958'.repeat(100), '\u0958'.repeat(101)]
  const { label } = await app.call(201, { ...put, url: `${url}?label=${encodeURIComponent(fits)}` })
  assert.equal(label, fits.normalize('NFC'))
  const { images } = await app.call(200, { url: `${gallery}/images?label=${encodeURIComponent(label!)}` })
  assert.equal(images.length, 1)

  const selection = `filter=${encodeURIComponent('{"field":"id","exists":true}')}`
  for (const request of [
    { ...put, url: `${url}?label=${encodeURIComponent(long)}` },
    { method: 'PUT', url, payload: { image: image.toString('base64'), label: long } },
    { method: 'PATCH', url, payload: { label: long } },
    { method: 'PATCH', url: `${gallery}/images?${selection}`, payload: { label: long } },
    {
      method: 'POST',
      url: `${gallery}/decisions`,
      payload: { kind: 'label', ids: ['a'], decision: 'set-label', label: long },
    },
    {
      method: 'POST',
      url: `${gallery}/ingest`,
      headers: formHeaders,
      payload: formBody([
        { name: 'label', content: long },
        { name: 'image', filename: 'b.png', content: image },
      ]),
    },
  ] as const)
    assert.equal((await app.call(400, request)).errors?.[0]?.pointer, '/label', request.method + request.url)
  const lines = [
    { add: { id: 'b', label: long, image: image.toString('base64') } },
    { patch: { id: 'a', label: long } },
  ].map((line) => JSON.stringify(line))
  const job = await sendJob(app, gallery, { 'content-type': 'application/x-ndjson' }, Buffer.from(lines.join('\n')))
  assert.equal((await endedJob(app, job)).failed, 2)
  assert.deepEqual(
    (await errorsOf(app, job)).map(({ code }) => code),
    ['line_invalid', 'line_invalid'],
  )
  assert.equal((await app.call(200, { url })).label, label)
})

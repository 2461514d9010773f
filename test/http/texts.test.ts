/**
 * Invalid text: refused by every route, repaired if it was accepted earlier, and an error of one picture if it cannot
 * be.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { InjectOptions } from 'fastify'
import { type Answer, startApp, type TestApp, temporaryFolder } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { formBody, formHeaders } from '../support/forms.js'
import { endedJob, errorsOf, sendJob } from '../support/jobs.js'
import { rawConnection } from '../support/raw-connection.js'
import { damageImage, rewriteImages, storeTexts } from '../support/stored-rows.js'
import { until } from '../support/until.js'

const json = { 'content-type': 'application/json' }
const lines = { 'content-type': 'application/x-ndjson' }
const jpeg = { 'content-type': 'image/jpeg' }
const images = '/v1/galleries/g/images'
const search = '/v1/galleries/g/search'

async function appWithGallery(t: TestContext, dataDir: string): Promise<TestApp> {
  const app = await startApp(t, { dataDir })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  for (const id of ['kept', 'other'])
    await app.call(201, {
      method: 'PUT',
      url: `${images}/${id}`,
      headers: jpeg,
      payload: await drawImage('circle', id.length),
    })
  return app
}

test('text that SQLite, JSON and UTF-8 cannot represent is refused by every route', async (t) => {
  const app = await appWithGallery(t, await temporaryFolder(t))
  const image = (await drawImage('cross', 1)).toString('base64')
  const picture = { name: 'image', filename: 'a.jpg', content: await drawImage('cross', 1) }
  const field = (name: string, content: string | Buffer) => ({
    headers: formHeaders,
    payload: formBody([{ name, content }, picture]),
  })
  const body = (method: 'PUT' | 'PATCH' | 'POST', url: string, text: string | Buffer): InjectOptions => ({
    method,
    url,
    headers: json,
    payload: text,
  })
  const rows: [name: string, request: InjectOptions][] = [
    ...['"\\ud83d"', '"a\\udc00b"', '"a\\u0000b"'].flatMap((text): [string, InjectOptions][] => [
      [`label ${text}`, body('PATCH', `${images}/kept`, `{"label":${text}}`)],
      [`value ${text}`, body('PATCH', `${images}/kept`, `{"metadata":{"a":[{"b":${text}}]}}`)],
      [`name ${text}`, body('PATCH', `${images}/kept`, `{"metadata":{${text}:1}}`)],
      [`stored label ${text}`, body('PUT', `${images}/new`, `{"image":"${image}","label":${text}}`)],
      [`settings ${text}`, body('PUT', '/v1/galleries/new', `{"settings":{"a":${text}}}`)],
      [`filter ${text}`, body('POST', search, `{"imageId":"kept","filter":{"field":"label","equals":${text}}}`)],
      [`id ${text}`, body('POST', search, `{"imageId":${text}}`)],
      [`batch ${text}`, body('POST', `${search}/batch`, `{"queries":[{"like":[${text}]}]}`)],
      [`metadata in a form ${text}`, { method: 'PUT', url: `${images}/new`, ...field('metadata', `{"a":${text}}`) }],
      [
        `metadata in the address ${text}`,
        {
          method: 'PUT',
          url: `${images}/new?metadata=${encodeURIComponent(`{"a":${text}}`)}`,
          headers: jpeg,
          payload: picture.content,
        },
      ],
    ]),
    ['JSON that is not UTF-8', body('PATCH', `${images}/kept`, Buffer.from('{"label":"caf\xe9"}', 'latin1'))],
    ['query in Latin-1', { method: 'PUT', url: `${images}/new?label=caf%E9`, headers: jpeg, payload: picture.content }],
    ['query with a name in Latin-1', { url: `${images}?caf%E9=1` }],
    ['query cut inside a character', { url: `${images}?label=%F0%9F%98` }],
    ['query with half of a pair', { url: `${images}?label=%ED%A0%BD` }],
    ['query with a bare percent sign', { url: `${images}?label=100%` }],
    ['query with NUL', { url: `${images}?label=a%00b` }],
    [
      'label to search in Latin-1',
      { method: 'POST', url: `${search}?label=%FF`, headers: jpeg, payload: picture.content },
    ],
    [
      'label in a form in Latin-1',
      { method: 'PUT', url: `${images}/new`, ...field('label', Buffer.from('caf\xe9', 'latin1')) },
    ],
    [
      'label of a form of many in Latin-1',
      { method: 'POST', url: '/v1/galleries/g/ingest', ...field('label', Buffer.from('caf\xe9', 'latin1')) },
    ],
    ['path in Latin-1', { url: `${images}/caf%E9` }],
    ['a large integer', body('PATCH', `${images}/kept`, '{"metadata":{"n":9007199254740993}}')],
    ['a number beyond all', body('PATCH', `${images}/kept`, '{"metadata":{"n":1e400}}')],
    [
      'a large integer in a form',
      { method: 'PUT', url: `${images}/new`, ...field('metadata', '{"n":12345678901234567890}') },
    ],
  ]
  for (const [name, request] of rows) {
    const { code, detail } = await app
      .call<Answer>(400, request)
      .catch((error: Error) => assert.fail(`${name}: ${error.message}`))
    if (name.startsWith('batch')) continue
    assert.ok(['request_invalid', 'filter_invalid'].includes(code), `${name}: ${code}, ${detail}`)
  }
  const { images: left } = await app.call(200, { url: images })
  assert.deepEqual(
    left.map(({ id, label, metadata }) => [id, label, metadata]),
    [
      ['kept', null, {}],
      ['other', null, {}],
    ],
  )
  const fine = { label: 'Käse 😀', metadata: { ключ: ['é', '\ufffd', 9007199254740991, 0.1] } }
  const changed = await app.call(200, { method: 'PATCH', url: `${images}/kept`, payload: fine })
  assert.deepEqual([changed.label, changed.metadata], [fine.label, fine.metadata])
  assert.equal((await app.call(200, { url: `${images}?label=${encodeURIComponent(fine.label)}` })).images.length, 1)
  assert.equal(app.log.filter(({ level }) => Number(level) >= 50).length, 0)
})

test('invalid percent-encoding in a URL is refused, and so are ids that no client would send unescaped', async (t) => {
  const app = await appWithGallery(t, await temporaryFolder(t))
  const address = await app.listen()
  const requests = [
    Buffer.from(`GET ${images}?label=café`),
    Buffer.from(`GET ${images}?label=caf\xe9`, 'latin1'),
    Buffer.from(`PUT ${images}/%2E%2E`),
  ]
  for (const request of requests) {
    const connection = rawConnection(t, address)
    connection.write(request, ' HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n')
    assert.match(await connection.closed, /^HTTP\/1\.1 400 [\s\S]*request_invalid/)
  }
})

test('a line with invalid text, or with an id that cannot be requested, is a line of the report', async (t) => {
  const app = await appWithGallery(t, await temporaryFolder(t))
  const image = (await drawImage('cross', 1)).toString('base64')
  const add = (id: string, more = '') => `{"add":{"id":${id},"image":"${image}"${more}}}`
  const bad = [
    add('"\\ud83d"'),
    add('"a"', ',"label":"\\ud83d"'),
    add('"a"', ',"metadata":{"\\ud83d":1}'),
    add('"."'),
    add('".."'),
    add('"a\\u0000"'),
    '{"delete":{"id":"\\udfff"}}',
  ]
  const payload = Buffer.concat([
    Buffer.from([...bad, add('"fine"'), '{"delete":{"id":".."}}'].join('\n')),
    Buffer.from('\n{"delete":{"id":"caf\xe9"}}', 'latin1'),
  ])
  const job = await endedJob(app, await sendJob(app, '/v1/galleries/g', lines, payload))
  assert.deepEqual([job.state, job.added, job.failed, job.skipped], ['completed_with_errors', 1, bad.length + 1, 1])
  assert.deepEqual(new Set((await errorsOf(app, job)).map(({ code }) => code)), new Set(['line_invalid']))
})

test('names in an error report are truncated between characters', async (t) => {
  const app = await appWithGallery(t, await temporaryFolder(t))
  const id = `${'x'.repeat(511)}😀${'y'.repeat(20)}`
  const job = await endedJob(
    app,
    await sendJob(
      app,
      '/v1/galleries/g',
      formHeaders,
      formBody([{ name: 'image', filename: id, content: 'no picture' }]),
    ),
  )
  assert.equal(job.failed, 1)
  const [line] = await errorsOf(app, job)
  assert.equal(line?.name, 'x'.repeat(511))
})

test('a data folder with invalid labels and ids opens, and everything in it works again', async (t) => {
  const dataDir = await temporaryFolder(t)
  const before = await appWithGallery(t, dataDir)
  for (const id of ['cut', 'cut id', 'cut id too'])
    await before.call(201, {
      method: 'PUT',
      url: `${images}/${encodeURIComponent(id)}`,
      headers: jpeg,
      payload: await drawImage('cross', id.length),
    })
  await before.close()
  storeTexts(dataDir, {
    cut: { label: 'fun \ud83d' },
    'cut id': { id: 'half\ud83d', label: '\ude00\ud83d' },
    'cut id too': { id: 'half\ud83e' },
    other: { label: 'a\0b' },
  })

  const app = await startApp(t, { dataDir })
  const listed = (await app.call(200, { url: images })).images
  assert.deepEqual(
    listed.map(({ id, label, unreadable }) => [id, label, unreadable]),
    [
      ['cut', 'fun \ufffd', undefined],
      ['half\ufffd', '\ufffd\ufffd', undefined],
      ['half\ufffd (2)', null, undefined],
      ['kept', null, undefined],
      ['other', 'a\ufffdb', undefined],
    ],
  )
  assert.equal(
    (await app.call(200, { method: 'POST', url: search, payload: { imageId: 'cut', k: 10 } })).hits.length,
    4,
  )
  assert.equal((await app.call(200, { url: `${images}/other` })).label, 'a\ufffdb')
  assert.equal((await app.call(200, { url: '/v1/galleries/g/labels' })).labels.length, 4)
  assert.equal(
    (await app.call(200, { method: 'PATCH', url: `${images}/cut`, payload: { label: 'fun 😀' } })).label,
    'fun 😀',
  )
  await expectSnapshot(app, undefined)
  await app.call(204, { method: 'DELETE', url: `${images}/${encodeURIComponent('half\ufffd')}` })
})

test('an unreadable record affects one picture, which is named, replaceable and removable, but not its gallery or a backup', async (t) => {
  const dataDir = await temporaryFolder(t)
  const before = await appWithGallery(t, dataDir)
  for (const id of ['bad', 'worse'])
    await before.call(201, {
      method: 'PUT',
      url: `${images}/${id}?label=cross`,
      headers: jpeg,
      payload: await drawImage('cross', id.length),
    })
  await before.close()
  damageImage(dataDir, 'bad', 'label', 'crozs')
  damageImage(dataDir, 'worse', 'content_hash', 'x')

  const app = await startApp(t, { dataDir })
  const named = (found: { id: string; unreadable?: string }[]) =>
    found.flatMap(({ id, unreadable }) => (unreadable === 'record' ? [id] : []))
  const listed = (await app.call(200, { url: images })).images
  assert.deepEqual([listed.length, named(listed)], [4, ['bad', 'worse']])
  assert.deepEqual([listed[0]?.label, listed[0]?.contentHash], [null, ''])
  const { hits } = await app.call(200, {
    method: 'POST',
    url: search,
    payload: { imageId: 'kept', includeSelf: true, k: 10, include: ['metadata'] },
  })
  assert.deepEqual([hits.length, named(hits).sort()], [4, ['bad', 'worse']])
  assert.equal(
    (await app.call(200, { method: 'POST', url: search, payload: { imageId: 'bad', k: 10 } })).hits.length,
    3,
  )
  assert.equal((await app.call(200, { url: `${images}/bad` })).unreadable, 'record')
  assert.equal((await app.call(409, { url: `${images}/bad/thumbnail` })).code, 'image_damaged')
  assert.equal(
    (await app.call(409, { method: 'PATCH', url: `${images}/bad`, payload: { label: 'cross' } })).code,
    'image_damaged',
  )
  await expectSnapshot(app, {
    count: 2,
    first: [
      { gallery: 'g', id: 'bad' },
      { gallery: 'g', id: 'worse' },
    ],
  })
  const doctor = await app.call<Answer['jobs'][number]>(202, { method: 'POST', url: '/v1/galleries/g/doctor' })
  assert.equal((await endedJobOf(app, doctor.id)).state, 'succeeded')

  const mended = await app.call(200, {
    method: 'PUT',
    url: `${images}/bad?label=cross`,
    headers: jpeg,
    payload: await drawImage('cross', 3),
  })
  assert.deepEqual([mended.label, mended.unreadable], ['cross', undefined])
  await app.call(204, { method: 'DELETE', url: `${images}/worse` })
  assert.deepEqual(named((await app.call(200, { url: images })).images), [])
  await expectSnapshot(app, undefined)
})

function endedJobOf(app: TestApp, id: string): Promise<Answer['jobs'][number]> {
  return until(async () => {
    const job = await app.call<Answer['jobs'][number]>(200, { url: `/v1/jobs/${id}` })
    return job.finishedAt !== null && job
  }, 'the end of the job')
}

async function expectSnapshot(app: TestApp, damagedImages: object | undefined): Promise<void> {
  type Snapshot = { id: string; state: string; damagedImages?: object }
  const { id } = await app.call<Snapshot>(202, { method: 'POST', url: '/v1/snapshots' })
  const snapshot = await until(async () => {
    const now = await app.call<Snapshot>(200, { url: `/v1/snapshots/${id}` })
    return now.state !== 'writing' && now
  }, 'the end of the snapshot')
  assert.deepEqual([snapshot.state, snapshot.damagedImages], ['ready', damagedImages])
  await app.call(204, { method: 'DELETE', url: `/v1/snapshots/${snapshot.id}` })
}

test('an id and a label in either of two Unicode forms are the same, for every route', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const [composed, apart] = ['Käse/é', 'Käse/é'.normalize('NFD')]
  const at = (id: string) => `${images}/${encodeURIComponent(id)}`
  const base64 = (await drawImage('cross', 1)).toString('base64')
  const job = await endedJob(
    app,
    await sendJob(
      app,
      '/v1/galleries/g',
      { 'content-type': 'application/x-ndjson' },
      Buffer.from(
        [
          { add: { id: apart, label: apart, image: base64 } },
          { add: { id: composed, label: composed, image: base64 } },
          { add: { id: `${apart} 2`, image: base64 } },
          { delete: { id: `${apart} 2` } },
        ]
          .map((line) => JSON.stringify(line))
          .join('\n'),
      ),
    ),
  )
  assert.deepEqual([job.added, job.updated + job.skipped, job.removed], [2, 1, 1])
  await app.call(200, {
    method: 'PUT',
    url: `${at(apart)}?label=${encodeURIComponent(apart)}`,
    headers: jpeg,
    payload: await drawImage('cross', 2),
  })
  await app.call(201, { method: 'PUT', url: at('other'), headers: jpeg, payload: await drawImage('cross', 3) })
  assert.equal((await app.call(200, { method: 'PATCH', url: at('other'), payload: { label: apart } })).label, composed)
  assert.deepEqual((await app.call(200, { url: '/v1/galleries/g/labels' })).labels, [{ label: composed, count: 2 }])

  for (const form of [composed, apart]) {
    assert.equal((await app.call(200, { url: at(form) })).id, composed)
    await app.call(200, { url: `${at(form)}/thumbnail` })
    assert.equal((await app.call(200, { url: `${images}?label=${encodeURIComponent(form)}` })).images.length, 2)
    const found = async (query: object) =>
      (await app.call(200, { method: 'POST', url: search, payload: query })).hits.map(({ id }) => id)
    assert.deepEqual(await found({ imageId: form }), ['other'])
    assert.deepEqual(await found({ imageId: 'other', excludeIds: [form] }), [])
    assert.deepEqual(await found({ imageId: 'other', filter: { field: 'label', in: [form] } }), [composed])
  }
  await app.call(204, { method: 'DELETE', url: at(apart) })
  await app.call(404, { url: at(composed) })
})

test('members of metadata and settings are returned whatever line breaks their names have', async (t) => {
  const app = await startApp(t)
  const own = { 'a\nb': 1, 'a\rb': 2, 'a\u2028b': 3, 'a\u2029b': { 'c\nd': null }, '': 4 }
  const put = await app.call(201, { method: 'PUT', url: '/v1/galleries/g', payload: { settings: own } })
  assert.deepEqual(put.settings, own)
  assert.deepEqual((await app.call(200, { url: '/v1/galleries/g' })).settings, own)
  const image = (await drawImage('circle', 1)).toString('base64')
  const stored = await app.call(201, { method: 'PUT', url: `${images}/a`, payload: { image, metadata: own } })
  const patch = { method: 'PATCH', url: `${images}/a`, payload: { mergeMetadata: { more: true } } } as const
  const merged = { ...own, more: true }
  assert.deepEqual([stored.metadata, (await app.call(200, patch)).metadata], [own, merged])
  assert.deepEqual((await app.call(200, { url: `${images}/a` })).metadata, merged)
  assert.deepEqual((await app.call(200, { url: images })).images[0]?.metadata, merged)
  const query = { imageId: 'a', includeSelf: true, include: ['metadata'] }
  assert.deepEqual((await app.call(200, { method: 'POST', url: search, payload: query })).hits[0]?.metadata, merged)
})

test('data stored earlier in another form is found, changed and removed in the form it was sent', async (t) => {
  const dataDir = await temporaryFolder(t)
  const before = await appWithGallery(t, dataDir)
  await before.close()
  const apart = 'Käse'.normalize('NFD')
  rewriteImages(dataDir, { other: { id: apart, label: apart } })
  const app = await startApp(t, { dataDir })
  const url = `${images}/${encodeURIComponent(apart)}`
  assert.deepEqual(
    (await app.call(200, { url: `${images}?label=${encodeURIComponent(apart)}` })).images.map(({ id }) => id),
    [apart],
  )
  assert.equal(
    (await app.call(200, { method: 'PUT', url, headers: jpeg, payload: await drawImage('cross', 5) })).id,
    apart,
  )
  assert.equal((await app.call(200, { url: images })).images.length, 2)
  const judged = { query: { id: apart }, hits: [{ id: 'kept', verdict: 'right' }] }
  const turned = { query: { id: 'kept' }, hits: [{ id: apart, verdict: 'right' }] }
  for (const payload of [judged, turned])
    await app.call(200, { method: 'POST', url: '/v1/galleries/g/feedback', payload })
  const decision = { kind: 'copies', decision: 'keep-one', keep: apart, ids: ['kept', apart] }
  await app.call(201, { method: 'POST', url: '/v1/galleries/g/decisions', payload: decision })
  assert.deepEqual(
    (await app.call(200, { url: images })).images.map(({ id }) => id),
    [apart],
  )
  await app.call(204, { method: 'DELETE', url })
})

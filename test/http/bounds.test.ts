/**
 * A few kilobytes from a stranger crash nothing: bounds on depth, values and bytes of JSON, and on bytes of responses.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { type Answer, startApp, type TestApp, temporaryFolder } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { formBody, formHeaders } from '../support/forms.js'
import { endedJob, errorsOf, sendJob } from '../support/jobs.js'
import { type RawConnection, rawConnection } from '../support/raw-connection.js'
import { rewriteImages } from '../support/stored-rows.js'
import { until } from '../support/until.js'

const json = { 'content-type': 'application/json' }
const lines = { 'content-type': 'application/x-ndjson' }
const kept = '/v1/galleries/g/images/kept'
const nested = (depth: number, inner = '1') => `${'{"a":'.repeat(depth)}${inner}${'}'.repeat(depth)}`

async function appWithGallery(t: TestContext, overrides = {}): Promise<TestApp> {
  const app = await startApp(t, overrides)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  await app.call(201, {
    method: 'PUT',
    url: kept,
    headers: { 'content-type': 'image/jpeg' },
    payload: await drawImage('circle', 1),
  })
  return app
}

async function expectAlive(app: TestApp): Promise<void> {
  await app.call(200, { url: '/livez' })
  await app.call(200, { method: 'PATCH', url: kept, payload: { label: 'circle' } })
}

test('JSON that is too deep is refused by every route, and nothing is stored or blocked', async (t) => {
  const app = await appWithGallery(t)
  const image = (await drawImage('circle', 1)).toString('base64')
  const picture = { name: 'image', filename: 'a.jpg', content: await drawImage('circle', 1) }
  for (const depth of [33, 1_100, 2_300, 20_000]) {
    const deep = nested(depth)
    const rows: [name: string, request: Parameters<TestApp['call']>[1]][] = [
      ['change', { method: 'PATCH', url: kept, headers: json, payload: `{"metadata":${deep}}` }],
      ['unknown member', { method: 'PATCH', url: kept, headers: json, payload: `{"colour":${nested(depth + 8)}}` }],
      ['settings', { method: 'PUT', url: '/v1/galleries/other', headers: json, payload: `{"settings":${deep}}` }],
      [
        'store by JSON',
        { method: 'PUT', url: kept, headers: json, payload: `{"image":"${image}","metadata":${deep}}` },
      ],
      [
        'store by form',
        {
          method: 'PUT',
          url: kept,
          headers: formHeaders,
          payload: formBody([{ name: 'metadata', content: deep }, picture]),
        },
      ],
      [
        'filter',
        {
          method: 'POST',
          url: '/v1/galleries/g/search',
          headers: json,
          payload: `{"imageId":"kept","filter":${deep}}`,
        },
      ],
      [
        'batch',
        {
          method: 'POST',
          url: '/v1/galleries/g/search/batch',
          headers: json,
          payload: `{"queries":[${nested(depth + 8)}]}`,
        },
      ],
      ['analysis', { method: 'POST', url: '/v1/galleries/g/doctor', headers: json, payload: nested(depth + 8) }],
      ...(depth < 2_000
        ? [
            [
              'filter in the address',
              { method: 'DELETE', url: `/v1/galleries/g/images?filter=${encodeURIComponent(deep)}` },
            ] as [string, Parameters<TestApp['call']>[1]],
          ]
        : []),
    ]
    for (const [name, request] of rows) {
      const { code } = await app.call<Answer>(400, request)
      assert.ok(['request_invalid', 'filter_invalid'].includes(code), `${name}, ${depth} deep: ${code}`)
    }
    await expectAlive(app)
  }
  assert.equal((await app.call(200, { url: '/v1/galleries' })).galleries.length, 1)
  assert.deepEqual((await app.call(200, { url: kept })).metadata, {})
  assert.equal(app.log.filter(({ level }) => Number(level) >= 50).length, 0)
})

test('a line that is too deep, too large or has too many values is reported and does not end its job', async (t) => {
  const app = await appWithGallery(t)
  const image = (await drawImage('cross', 2)).toString('base64')
  const add = (id: string, metadata: string) => `{"add":{"id":"${id}","image":"${image}","metadata":${metadata}}}`
  const bad = [
    nested(33),
    nested(4_000),
    JSON.stringify({ x: 'y'.repeat(20_000) }),
    JSON.stringify({ x: 'y'.repeat(5_000_000) }),
    `{"x":[${'0,'.repeat(4_500)}0]}`,
    '{"x":9007199254740993}',
    '{"x":1e400}',
    '{"x":"\\ud83d"}',
  ]
  const body = [
    add('first', '{"a":1}'),
    ...bad.map((metadata, i) => add(`bad${i}`, metadata)),
    `{"delete":${nested(50_000)}}`,
    add('last', nested(32)),
  ].join('\n')
  const job = await endedJob(app, await sendJob(app, '/v1/galleries/g', lines, Buffer.from(body)))
  assert.deepEqual([job.state, job.added, job.failed], ['completed_with_errors', 2, bad.length + 1])
  for (const { code, detail } of await errorsOf(app, job)) {
    assert.equal(code, 'line_invalid')
    assert.ok(detail.length < 400)
  }
  await expectAlive(app)
})

test('metadata and settings are bounded in bytes', async (t) => {
  const app = await appWithGallery(t, { metadataMaxBytes: 1_000 })
  const sized = (bytes: number) => ({ x: 'y'.repeat(bytes - 8) })
  await app.call(200, { method: 'PATCH', url: kept, payload: { metadata: sized(1_000) } })
  const { errors, detail } = await app.call(400, { method: 'PATCH', url: kept, payload: { metadata: sized(1_001) } })
  assert.deepEqual(errors, [{ in: 'body', pointer: '/metadata', detail: 'has more than 1000 bytes as JSON' }])
  assert.equal(detail, 'metadata has more than 1000 bytes as JSON.')
  await app.call(400, { method: 'PUT', url: '/v1/galleries/other', payload: { settings: sized(1_001) } })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/other', payload: { settings: sized(1_000) } })
})

test('stored pictures that are too deep or too large stay listed, do not break filters, and can be repaired and removed', async (t) => {
  const dataDir = await temporaryFolder(t)
  const before = await startApp(t, { dataDir })
  await before.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  for (const id of ['deep', 'fine', 'kept', 'large', 'middle']) {
    const payload = {
      image: (await drawImage('circle', id.length + id.charCodeAt(0))).toString('base64'),
      metadata: { year: 2020 },
    }
    await before.call(201, { method: 'PUT', url: `/v1/galleries/g/images/${id}`, payload })
  }
  await before.close()
  rewriteImages(dataDir, {
    deep: { metadata: nested(1_101) },
    large: { metadata: JSON.stringify({ year: 2020, x: 'y'.repeat(5_000_000) }) },
    middle: { metadata: nested(900) },
  })

  const app = await startApp(t, { dataDir })
  const { images } = await app.call(200, { url: '/v1/galleries/g/images' })
  assert.deepEqual(
    images.map(({ id, unreadable }) => [id, unreadable]),
    [
      ['deep', 'metadata'],
      ['fine', undefined],
      ['kept', undefined],
      ['large', 'metadata'],
      ['middle', undefined],
    ],
  )
  const found = async (filter: object) =>
    (
      await app.call(200, {
        method: 'POST',
        url: '/v1/galleries/g/search',
        payload: { imageId: 'fine', includeSelf: true, filter, include: ['metadata'] },
      })
    ).hits
      .map(({ id }) => id)
      .sort()
  assert.deepEqual(await found({ field: 'metadata.year', gte: 2020 }), ['fine', 'kept', 'large'])
  assert.deepEqual(await found({ field: 'metadata.a', exists: true }), ['middle'])
  assert.deepEqual(
    (await app.call(200, { method: 'PATCH', url: '/v1/galleries/g/images/middle', payload: { label: 'x' } })).label,
    'x',
  )
  assert.deepEqual(
    (await app.call(200, { method: 'PATCH', url: '/v1/galleries/g/images/deep', payload: { label: 'x' } })).unreadable,
    'metadata',
  )
  assert.deepEqual(
    await app.call(200, {
      method: 'DELETE',
      url: `/v1/galleries/g/images?filter=${encodeURIComponent('{"field":"metadata.year","equals":2020}')}`,
    }),
    { removed: 3 },
  )
  const mended = await app.call(200, {
    method: 'PATCH',
    url: '/v1/galleries/g/images/deep',
    payload: { metadata: { year: 2021 } },
  })
  assert.deepEqual([mended.metadata, mended.unreadable], [{ year: 2021 }, undefined])
  await app.call(204, { method: 'DELETE', url: '/v1/galleries/g/images/deep' })
  await app.call(204, { method: 'DELETE', url: '/v1/galleries/g/images/middle' })
  await app.call(200, { url: '/livez' })
})

/** A gallery of 40 pictures with this much metadata each, as could be stored before there were limits. */
async function appWithMuchMetadata(
  t: TestContext,
  length: number,
  overrides: Parameters<typeof startApp>[1],
): Promise<TestApp> {
  const dataDir = await temporaryFolder(t)
  const before = await appWithGallery(t, { dataDir })
  const image = (await drawImage('circle', 3)).toString('base64')
  const ids = Array.from({ length: 40 }, (_, i) => `p${i}`)
  await endedJob(
    before,
    await sendJob(
      before,
      '/v1/galleries/g',
      lines,
      Buffer.from(ids.map((id) => JSON.stringify({ add: { id, image } })).join('\n')),
    ),
  )
  await before.close()
  rewriteImages(
    dataDir,
    Object.fromEntries(ids.map((id) => [id, { metadata: JSON.stringify({ x: 'y'.repeat(length) }) }])),
  )
  return startApp(t, { dataDir, ...overrides })
}

test('an oversized response is refused, alone and in a batch; lists get shorter pages', async (t) => {
  const app = await appWithMuchMetadata(t, 55_000, { answerMaxBytes: 2 ** 20 })
  const query = (k: number) => ({ imageId: 'kept', k, include: ['metadata'] })
  const search = (k: number) => ({ method: 'POST', url: '/v1/galleries/g/search', payload: query(k) }) as const
  assert.equal(
    (await app.call(200, search(15))).hits.filter(({ metadata }) => String(metadata?.x).length === 55_000).length,
    15,
  )
  assert.equal((await app.call(422, search(20))).code, 'answer_too_large')
  assert.equal((await app.call(200, { ...search(40), payload: { ...query(40), include: [] } })).hits.length, 40)
  const batch = await app.call<{ answers: { answer?: Answer; problem?: Answer }[] }>(200, {
    method: 'POST',
    url: '/v1/galleries/g/search/batch',
    payload: { queries: [query(8), query(8), query(8), query(40), { imageId: 'kept', k: 40 }] },
  })
  const outcomes = batch.answers.map(({ answer, problem }) => problem?.code ?? answer?.hits.length)
  assert.deepEqual([outcomes.filter((one) => one === 8).length, outcomes[3], outcomes[4]], [2, 'answer_too_large', 40])

  const seen: string[] = []
  let pages = 0
  for (let cursor: string | undefined = ''; cursor !== undefined; pages++) {
    const { images, nextCursor }: Answer = await app.call(200, {
      url: `/v1/galleries/g/images?limit=1000${cursor === '' ? '' : `&cursor=${cursor}`}`,
    })
    seen.push(...images.map(({ id }) => id))
    cursor = nextCursor
  }
  assert.deepEqual([seen.length, new Set(seen).size], [41, 41])
  assert.ok(pages >= 9 && pages <= 12, `${pages} pages`)
})

test('unread responses are bounded in total, then new ones refused, and finally cut off', async (t) => {
  const app = await appWithMuchMetadata(t, 1_000_000, {
    answerMaxBytes: 64 * 2 ** 20,
    answersMaxBytes: 40 * 2 ** 20,
    answerTimeoutMs: 2_000,
    answerMinBytesPerSecond: 2 ** 30,
  })
  const address = await app.listen()
  const metric = async () =>
    Number(/^alike_answer_bytes (\d+)/m.exec(await app.call<string>(200, { url: '/metrics' }))?.[1])
  for (let n = 0; n < 3; n++) askAndNotRead(rawConnection(t, address), '/v1/galleries/g/images')
  await until(async () => (await metric()) > 30_000_000)
  assert.equal((await app.call(429, { url: '/v1/galleries/g/images' })).code, 'overloaded')
  await app.call(200, { url: kept })
  await until(async () => (await metric()) === 0)
  assert.ok(app.log.some(({ msg }) => msg === 'the client did not read the answer in time'))
})

function askAndNotRead({ socket }: RawConnection, path: string): void {
  socket.pause()
  socket.write(`GET ${path} HTTP/1.1\r\nhost: test\r\n\r\n`)
}

test('an original must be read in time too: a store has few connections', async (t) => {
  const app = await startApp(t, { answerTimeoutMs: 200, answerMinBytesPerSecond: 2 ** 30 })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const side = 1_700 // more than what sockets buffer
  const payload = await sharp(randomBytes(side * side * 3), { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toBuffer()
  const url = '/v1/galleries/g/images/a'
  await app.call(201, { method: 'PUT', url, headers: { 'content-type': 'image/png' }, payload })
  askAndNotRead(rawConnection(t, await app.listen()), `${url}/original`)
  const isCutOff = () => app.log.find(({ msg }) => msg === 'the client did not read the answer in time')
  assert.equal((await until(isCutOff, 'the end of the connection')).bytes, payload.length)
})

test('galleries and labels are listed page by page', async (t) => {
  const app = await startApp(t, { galleriesMax: 5 })
  for (const name of ['a', 'b', 'c', 'd', 'e'])
    await app.call(201, { method: 'PUT', url: `/v1/galleries/${name}`, payload: { settings: { name } } })
  assert.equal((await app.call(409, { method: 'PUT', url: '/v1/galleries/f' })).code, 'galleries_full')
  await app.call(200, { method: 'PUT', url: '/v1/galleries/a', payload: { settings: { name: 'a' } } })
  const first = await app.call(200, { url: '/v1/galleries?limit=3' })
  const second = await app.call(200, { url: `/v1/galleries?limit=3&cursor=${first.nextCursor}` })
  assert.deepEqual(
    [first.galleries.map(({ name }) => name), second.galleries.map(({ name }) => name), second.nextCursor],
    [['a', 'b', 'c'], ['d', 'e'], undefined],
  )

  for (const [i, label] of [undefined, 'x', 'x', 'y', 'z'].entries())
    await app.call(201, {
      method: 'PUT',
      url: `/v1/galleries/a/images/${i}`,
      payload: { image: (await drawImage('circle', i)).toString('base64'), label },
    })
  const counted = await app.call(200, { url: '/v1/galleries/a/labels?limit=2' })
  assert.deepEqual(counted.labels, [
    { label: null, count: 1 },
    { label: 'x', count: 2 },
  ])
  const rest = await app.call(200, { url: `/v1/galleries/a/labels?limit=2&cursor=${counted.nextCursor}` })
  assert.deepEqual(
    [rest.labels, rest.nextCursor],
    [
      [
        { label: 'y', count: 1 },
        { label: 'z', count: 1 },
      ],
      undefined,
    ],
  )
  const alone = await app.call(200, { url: '/v1/galleries/a/labels?limit=1' })
  assert.deepEqual(
    (await app.call(200, { url: `/v1/galleries/a/labels?cursor=${alone.nextCursor ?? ''}` })).labels.length,
    3,
  )
})

test('a refusal lists at most twenty faults, and truncates the caller’s names', async (t) => {
  const app = await appWithGallery(t)
  const members = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`x${i}`, 1]))
  const { errors } = await app.call(400, {
    method: 'PATCH',
    url: kept,
    payload: { ...members, ['y'.repeat(5_000)]: 1 },
  })
  assert.ok((errors ?? []).length <= 20)
  const { errors: [only] = [] } = await app.call(400, {
    method: 'PATCH',
    url: kept,
    payload: { ['y'.repeat(5_000)]: 1 },
  })
  assert.equal(only?.pointer.length, 200)
})

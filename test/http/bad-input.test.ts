/** Every bad request gets a clear problem document, and loses nothing. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { InjectOptions } from 'fastify'
import sharp from 'sharp'
import { type Answer, startApp, type TestApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { longestTurn } from '../support/event-loop.js'
import { formBody, formHeaders } from '../support/forms.js'
import { bombPng } from '../support/png.js'
import { rawConnection } from '../support/raw-connection.js'
import { until } from '../support/until.js'

const png = { 'content-type': 'image/png' }
const search = '/v1/galleries/g/search'

async function appWithGallery(t: TestContext, overrides = {}): Promise<TestApp> {
  const app = await startApp(t, overrides)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  await app.call(201, {
    method: 'PUT',
    url: '/v1/galleries/g/images/kept',
    headers: png,
    payload: await drawImage('circle', 1, { format: 'png' }),
  })
  return app
}

async function problemOf(
  app: TestApp,
  request: InjectOptions,
): Promise<{ status: number; code: string; problem: Answer }> {
  const response = await app.app.inject(request)
  assert.match(String(response.headers['content-type']), /^application\/problem\+json/)
  const problem = response.json<Answer>()
  assert.equal(problem.status, response.statusCode)
  assert.equal(problem.requestId, response.headers['x-request-id'])
  assert.equal(problem.type, `urn:alike:problem:${problem.code}`)
  assert.ok(problem.title.length > 10)
  return { status: response.statusCode, code: problem.code, problem }
}

test('every kind of bad picture has its own error, however it is sent', async (t) => {
  const app = await appWithGallery(t, { uploadMaxBytes: 200_000, imageMaxPixels: 50_000_000 })
  const picture = await drawImage('circle', 1, { format: 'png' })
  const noise = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919) % 256))
  const rows: [name: string, bytes: Buffer, status: number, code: string][] = [
    ['not a picture', noise, 422, 'image_unreadable'],
    ['text', Buffer.from('hello'), 422, 'image_unreadable'],
    ['zero bytes', Buffer.alloc(0), 422, 'image_empty'],
    ['truncated', picture.subarray(0, picture.length / 2), 422, 'image_unreadable'],
    ['a header and no more', picture.subarray(0, 40), 422, 'image_unreadable'],
    ['decompression bomb', bombPng(20_000), 422, 'image_too_many_pixels'],
    ['PSD', Buffer.from('8BPS\0\x01\0\0'), 415, 'image_format_unsupported'],
    [
      'SVG',
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
      415,
      'image_format_unsupported',
    ],
    ['over the limit', Buffer.concat([picture, Buffer.alloc(200_000)]), 413, 'image_too_large'],
  ]
  for (const [name, bytes, status, code] of rows) {
    const ways = {
      raw: { headers: png, payload: bytes },
      form: { headers: formHeaders, payload: formBody([{ name: 'image', filename: 'a.png', content: bytes }]) },
      base64: { payload: { image: bytes.toString('base64') } },
    }
    for (const [way, request] of Object.entries(ways)) {
      for (const target of [
        { method: 'POST', url: search },
        { method: 'PUT', url: '/v1/galleries/g/images/bad' },
      ] as const) {
        const found = await problemOf(app, { ...target, ...request })
        const expected = way === 'raw' && code === 'image_too_large' ? 'body_too_large' : code
        assert.deepEqual([found.status, found.code], [status, expected], `${name}, ${way}, ${target.method}`)
      }
    }
  }
  assert.equal((await app.call(200, { method: 'GET', url: '/v1/galleries/g' })).count, 1)
  assert.equal(
    (await app.call(200, { method: 'POST', url: search, headers: png, payload: picture })).hits[0]?.id,
    'kept',
  )
})

test('invalid requests are refused with a code', async (t) => {
  const app = await appWithGallery(t)
  const picture = await drawImage('circle', 1)
  const form = (...parts: Parameters<typeof formBody>[0]) => ({ headers: formHeaders, payload: formBody(parts) })
  const image = { name: 'image', filename: 'a.jpg', content: picture }
  const rows: [name: string, request: InjectOptions, status: number, code: string][] = [
    ['no picture at all', { method: 'POST', url: search }, 400, 'image_missing'],
    ['JSON without picture', { method: 'POST', url: search, payload: {} }, 400, 'image_missing'],
    [
      'form without picture',
      { method: 'POST', url: search, ...form({ name: 'k', content: '3' }) },
      400,
      'image_missing',
    ],
    [
      'two pictures to store as one',
      { method: 'PUT', url: '/v1/galleries/g/images/two', ...form(image, image) },
      400,
      'request_invalid',
    ],
    [
      'nine pictures',
      { method: 'POST', url: search, ...form(...Array.from({ length: 9 }, () => image)) },
      400,
      'request_invalid',
    ],
    [
      'more parts than any form has',
      { method: 'POST', url: search, ...form(...Array.from({ length: 42 }, () => image)) },
      413,
      'body_too_large',
    ],
    [
      'another field',
      { method: 'POST', url: search, ...form(image, { name: 'colour', content: 'red' }) },
      400,
      'request_invalid',
    ],
    [
      'file under another name',
      { method: 'POST', url: search, ...form({ ...image, name: 'photo' }) },
      400,
      'request_invalid',
    ],
    [
      'field over its limit',
      { method: 'POST', url: search, ...form(image, { name: 'imageId', content: 'x'.repeat(200_000) }) },
      400,
      'request_invalid',
    ],
    [
      'a prototype as a field',
      { method: 'POST', url: search, ...form({ name: '__proto__', content: 'x' }, image) },
      400,
      'request_invalid',
    ],
    ['not base64', { method: 'POST', url: search, payload: { image: '§§§ not base64 §§§' } }, 400, 'request_invalid'],
    [
      'not JSON',
      { method: 'POST', url: search, headers: { 'content-type': 'application/json' }, payload: '{"k":' },
      400,
      'request_invalid',
    ],
    [
      'no JSON in a JSON body',
      { method: 'POST', url: search, headers: { 'content-type': 'application/json' }, payload: '' },
      400,
      'image_missing',
    ],
    [
      'an empty change in a JSON body',
      { method: 'PATCH', url: '/v1/galleries/g', headers: { 'content-type': 'application/json' }, payload: '' },
      400,
      'request_invalid',
    ],
    ['JSON that is no object', { method: 'POST', url: search, payload: [1] }, 400, 'request_invalid'],
    [
      'poisoned JSON',
      {
        method: 'POST',
        url: search,
        headers: { 'content-type': 'application/json' },
        payload: '{"__proto__":{"k":1}}',
      },
      400,
      'request_invalid',
    ],
    [
      'wrong type',
      { method: 'POST', url: search, headers: { 'content-type': 'text/plain' }, payload: 'x' },
      415,
      'media_type_unsupported',
    ],
    [
      'no type',
      { method: 'POST', url: search, headers: { 'content-length': '3' }, payload: 'abc' },
      415,
      'media_type_unsupported',
    ],
    [
      'nonsense type',
      { method: 'POST', url: search, headers: { 'content-type': ';;;' }, payload: 'x' },
      415,
      'media_type_unsupported',
    ],
    [
      'form without boundary',
      { method: 'POST', url: search, headers: { 'content-type': 'multipart/form-data' }, payload: 'x' },
      400,
      'request_invalid',
    ],
    [
      'form with an endless boundary',
      {
        method: 'POST',
        url: search,
        headers: { 'content-type': `multipart/form-data; boundary=${'x'.repeat(300)}` },
        payload: 'x',
      },
      400,
      'request_invalid',
    ],
    [
      'form cut off',
      { method: 'POST', url: search, headers: formHeaders, payload: formBody([image]).subarray(0, -200) },
      400,
      'body_incomplete',
    ],
    [
      'form cut off in a header',
      { method: 'POST', url: search, headers: formHeaders, payload: formBody([image]).subarray(0, 40) },
      400,
      'body_incomplete',
    ],
    ['wrong method', { method: 'DELETE', url: '/v1/galleries' }, 405, 'method_not_allowed'],
    ['a method that no route knows', { method: 'QUERY' as 'GET', url: '/v1/galleries' }, 405, 'method_not_allowed'],
    ['unknown route', { method: 'GET', url: '/v1/nothing' }, 404, 'route_not_found'],
    ['bad escape', { method: 'GET', url: '/v1/galleries/g/images/%ff%fe' }, 400, 'request_invalid'],
    ['endless id', { method: 'GET', url: `/v1/galleries/g/images/${'x'.repeat(513)}` }, 400, 'request_invalid'],
    ['far too long id', { method: 'GET', url: `/v1/galleries/g/images/${'x'.repeat(5000)}` }, 400, 'request_invalid'],
    ['control character in id', { method: 'GET', url: '/v1/galleries/g/images/a%0Ab' }, 400, 'request_invalid'],
    [
      'picture to a JSON route',
      { method: 'PATCH', url: '/v1/galleries/g/images/kept', headers: png, payload: picture },
      415,
      'media_type_unsupported',
    ],
    ['empty change', { method: 'PATCH', url: '/v1/galleries/g/images/kept', payload: {} }, 400, 'request_invalid'],
    ['change without body', { method: 'PATCH', url: '/v1/galleries/g/images/kept' }, 400, 'request_invalid'],
    [
      'endless label',
      { method: 'PATCH', url: '/v1/galleries/g/images/kept', payload: { label: 'x'.repeat(201) } },
      400,
      'request_invalid',
    ],
    [
      'JSON over the limit',
      { method: 'PATCH', url: '/v1/galleries/g/images/kept', payload: { metadata: { x: 'y'.repeat(300_000) } } },
      413,
      'body_too_large',
    ],
    ['a cursor that is no text', { method: 'GET', url: '/v1/galleries?cursor=AA' }, 400, 'request_invalid'],
    ['unknown job', { method: 'GET', url: '/v1/jobs/none' }, 404, 'job_not_found'],
    ['unknown job to cancel', { method: 'DELETE', url: '/v1/jobs/none' }, 404, 'job_not_found'],
    ['unknown model', { method: 'GET', url: '/v1/models/none' }, 404, 'model_not_found'],
  ]
  for (const [name, request, status, code] of rows) {
    const found = await problemOf(app, request)
    assert.deepEqual([found.status, found.code], [status, code], `${name}: ${JSON.stringify(found.problem)}`)
  }
  assert.equal((await app.app.inject({ method: 'DELETE', url: '/v1/galleries' })).headers.allow, 'GET, HEAD')
  assert.equal(
    app.log.filter(({ level }) => Number(level) >= 50).length,
    0,
    'none of this is logged as an error of ours',
  )
})

test('a body that is missing altogether is the fault of the request', async (t) => {
  const app = await appWithGallery(t)
  const gallery = '/v1/galleries/g'
  const job = (await app.call(202, { method: 'POST', url: `${gallery}/doctor` })).id
  for (const [method, url] of [
    ['PATCH', gallery],
    ['PATCH', `${gallery}/images/kept`],
    ['PATCH', `/v1/jobs/${job}`],
    ['PUT', `${gallery}/serving`],
    ['POST', `${gallery}/sets`],
    ['POST', `${gallery}/move`],
    ['POST', `${gallery}/decisions`],
    ['POST', `${gallery}/feedback`],
    ['POST', `${gallery}/ingest/s3`],
  ] as const)
    assert.equal((await app.call(400, { method, url })).errors?.[0]?.in, 'body', url)
})

test('a part without a name is said to have none', async (t) => {
  const app = await appWithGallery(t)
  for (const [url, type] of [
    [search, undefined],
    [search, 'application/json'],
    ['/v1/galleries/g/ingest', undefined],
  ] as const) {
    const nameless = formBody([{ name: 'k', content: '3', type }])
      .toString()
      .replace('; name="k"', '')
    const { problem } = await problemOf(app, { method: 'POST', url, headers: formHeaders, payload: nameless })
    assert.deepEqual(problem.errors, [{ in: 'form', pointer: '', detail: 'has a part without a name' }], url)
    assert.equal(problem.detail, 'The form has a part without a name.', url)
  }
})

test('a form whose picture is a text, or whose JSON is none, is refused with what to change', async (t) => {
  const app = await appWithGallery(t)
  for (const url of [search, '/v1/galleries/g/ingest']) {
    const { problem } = await problemOf(app, {
      method: 'POST',
      url,
      headers: formHeaders,
      payload: formBody([{ name: 'image', content: 'a.jpg' }]),
    })
    assert.equal(problem.detail, 'image is text instead of a file: with curl, write image=@FILE.', url)
  }
  const payload = formBody([{ name: 'filter', content: '{"field":', type: 'application/json' }])
  const { status, problem } = await problemOf(app, { method: 'POST', url: search, headers: formHeaders, payload })
  assert.deepEqual(
    [status, problem.code, problem.detail],
    [400, 'request_invalid', 'filter is no JSON: it breaks off after character 9.'],
  )
})

test('an unsupported content type is refused with the supported ones', async (t) => {
  const app = await appWithGallery(t)
  const detailOf = async (request: InjectOptions) => (await problemOf(app, request)).problem.detail
  const text = { headers: { 'content-type': 'text/plain' }, payload: 'x' }
  assert.equal(
    await detailOf({ method: 'POST', url: search, ...text }),
    'Accepted: image/*, multipart/form-data, application/json.',
  )
  assert.equal(await detailOf({ method: 'POST', url: `${search}/batch`, ...text }), 'Accepted: application/json.')
  assert.equal(
    await detailOf({ method: 'PATCH', url: '/v1/galleries/g/images/kept', ...text }),
    'Accepted: application/json.',
  )
  assert.match(
    String(await detailOf({ method: 'POST', url: '/v1/galleries/g/ingest', ...text })),
    /^Accepted: application\/x-tar, .*x-ndjson, text\/uri-list, multipart\/form-data\.$/,
  )
})

test('internal errors are logged and not revealed', async (t) => {
  const app = await appWithGallery(t)
  // The handmade model has no unit vector for black: a fault of the model, not of the picture.
  const black = await sharp({ create: { width: 9, height: 9, channels: 3, background: '#000' } })
    .png()
    .toBuffer()
  const { status, code, problem } = await problemOf(app, {
    method: 'POST',
    url: search,
    headers: { ...png, 'x-request-id': 'trace-7' },
    payload: black,
  })
  assert.deepEqual([status, code, problem.detail, problem.requestId], [500, 'internal', undefined, 'trace-7'])
  const line = app.log.find(({ level }) => Number(level) >= 50)
  assert.equal(line?.requestId, 'trace-7')
  assert.match(JSON.stringify(line), /no usable embedding/)
})

test('request ids that could corrupt a log are replaced', async (t) => {
  const app = await appWithGallery(t)
  for (const bad of ['a b', 'x'.repeat(129), '<script>']) {
    const response = await app.app.inject({ url: '/livez', headers: { 'x-request-id': bad } })
    assert.match(String(response.headers['x-request-id']), /^[0-9a-f-]{36}$/)
  }
})

test('a body that breaks off over a socket ends only its own connection', async (t) => {
  const app = await appWithGallery(t)
  const address = await app.listen()
  const picture = await drawImage('circle', 1)
  const form = formBody([{ name: 'image', filename: 'a.jpg', content: picture }])
  const rows: [headers: string[], body: Buffer][] = [
    [
      ['POST /v1/galleries/g/search HTTP/1.1', 'content-type: image/jpeg', `content-length: ${picture.length}`],
      picture,
    ],
    [
      [
        'POST /v1/galleries/g/search HTTP/1.1',
        `content-type: ${formHeaders['content-type']}`,
        `content-length: ${form.length}`,
      ],
      form,
    ],
    [
      [
        'POST /v1/galleries/g/search HTTP/1.1',
        `content-type: ${formHeaders['content-type']}`,
        'transfer-encoding: chunked',
      ],
      Buffer.concat([Buffer.from(`${form.length.toString(16)}\r\n`), form]),
    ],
    [
      ['POST /v1/galleries/g/search HTTP/1.1', 'content-type: application/json', 'content-length: 5000'],
      Buffer.from('{"image":"'.padEnd(5000, 'A')),
    ],
    [
      ['PUT /v1/galleries/g/images/cut HTTP/1.1', 'content-type: image/jpeg', `content-length: ${picture.length}`],
      picture,
    ],
    [
      ['POST /v1/galleries/g/ingest HTTP/1.1', 'content-type: application/x-tar', 'content-length: 50000'],
      Buffer.alloc(50_000),
    ],
    [
      [
        'POST /v1/galleries/g/ingest HTTP/1.1',
        `content-type: ${formHeaders['content-type']}`,
        `content-length: ${form.length}`,
      ],
      form,
    ],
  ]
  for (const [headers, body] of rows) {
    for (const share of [0, 0.05, 0.5, 0.95]) {
      const connected = once(app.app.server, 'connection')
      const connection = rawConnection(t, address)
      const sent = Buffer.concat([
        Buffer.from([...headers, 'host: test', '', ''].join('\r\n')),
        body.subarray(0, Math.floor(body.length * share)),
      ])
      connection.write(sent)
      const [peer] = (await connected) as [Socket]
      await until(() => peer.bytesRead === sent.length, 'the arrival of a part')
      connection.socket.destroy()
      await connection.closed
    }
  }
  await untilIdle(app)
  assert.equal((await app.call(200, { method: 'GET', url: '/v1/jobs' })).jobs.length, 0)
  assert.equal((await app.call(200, { method: 'GET', url: '/v1/galleries/g' })).count, 1)
  assert.equal(app.log.filter(({ level }) => Number(level) >= 50).length, 0)
  assert.equal(
    (await app.call(200, { method: 'POST', url: search, headers: { 'content-type': 'image/jpeg' }, payload: picture }))
      .hits.length,
    1,
  )
})

test('a body that trickles in gets an answer, whatever its form, and leaves nothing in the log but that', async (t) => {
  const app = await appWithGallery(t, { bodyTimeoutMs: 3_000 })
  const address = await app.listen()
  const form = '--form\r\ncontent-disposition: form-data; name="image"; filename="a.png"\r\n\r\nabc'
  const bodies: [path: string, type: string, beginning: string][] = [
    [search, 'image/png', 'abc'],
    [search, 'application/json', '{"image": "'],
    [search, 'multipart/form-data; boundary=form', form],
    ['/v1/galleries/g/feedback', 'application/json', '{'],
  ]
  const cutOff = bodies.map(async ([path, type, beginning]) => {
    const connection = rawConnection(t, address)
    connection.write(
      `POST ${path} HTTP/1.1\r\nhost: test\r\ncontent-type: ${type}\r\ncontent-length: 5000\r\n\r\n${beginning}`,
    )
    const answer = await connection.closed
    assert.match(answer, /^HTTP\/1\.1 408 [\s\S]*connection: close[\s\S]*"code":"request_timeout"/i, type)
    assert.match(answer, /^x-request-id: (\S+)\r\n[\s\S]*within 3000 ms[\s\S]*"requestId":"\1"/im)
  })
  await Promise.all(cutOff)
  await untilIdle(app)
  assert.match((await app.app.inject('/metrics')).body, /alike_http_requests_total\{[^}]*search[^}]*status="408"\} 3/)
  assert.deepEqual(
    app.log.filter(({ level, msg }) => Number(level) >= 40 && !String(msg).startsWith('no API keys')),
    [],
  )
})

test('a body that trickles in frees its place', async (t) => {
  const app = await appWithGallery(t, { requestsMax: 1, bodyTimeoutMs: 2_000 })
  const address = await app.listen()
  const connection = rawConnection(t, address)
  connection.write(
    'POST /v1/galleries/g/search HTTP/1.1\r\nhost: test\r\ncontent-type: image/png\r\ncontent-length: 5000\r\n\r\nabc',
  )
  // asked of the metrics: a request that asks for the place might hold it at the moment the socket's arrives
  await until(
    async () => /^alike_requests_in_flight 1$/m.test((await app.app.inject('/metrics')).body),
    'the place is taken',
  )
  const refused = await problemOf(app, { method: 'POST', url: search, headers: png, payload: Buffer.alloc(1) })
  assert.equal(refused.code, 'overloaded')
  await connection.closed
  await untilIdle(app)
  const payload = await drawImage('circle', 1, { format: 'png' })
  assert.equal((await app.call(200, { method: 'POST', url: search, headers: png, payload })).hits.length, 1)
})

test('an unknown example together with an unusable picture fails only its own request', async (t) => {
  const app = await appWithGallery(t)
  const image = (await drawImage('circle', 1, { format: 'png' })).toString('base64')
  const rows: [payload: object, status: number, code: string][] = [
    [{ image, like: ['none'], region: { x: 5, y: 5, width: 1, height: 1 } }, 404, 'image_not_found'],
    [{ image: 'aGVsbG8=', like: ['kept'], unlike: ['none'] }, 404, 'image_not_found'],
    [{ images: [image, 'aGVsbG8=', image], vector: [1, 0] }, 422, 'dimension_mismatch'],
  ]
  for (const [payload, status, code] of rows) {
    const found = await problemOf(app, { method: 'POST', url: search, payload })
    assert.deepEqual([found.status, found.code], [status, code])
  }
  // What was started for them fails in the meantime; an unhandled rejection would end the process, and this test.
  await untilIdle(app)
  assert.equal((await app.call(200, { method: 'POST', url: search, payload: { image } })).hits.length, 1)
})

test('hundreds of thousands of unknown members are refused as quickly as they are parsed', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const names = Array.from({ length: 150_000 }, (_, i) => `k${i}`)
  const many = Object.fromEntries(names.map((name) => [name, 1]))
  const cases: [url: string, payload: object, pointer: string][] = [
    ['/v1/galleries/g/search', many, '/k0'],
    ['/v1/galleries/g/search', { image: 'QQ==', region: { x: 0, y: 0, width: 1, height: 1, ...many } }, '/region/k0'],
  ]
  for (const [url, payload, pointer] of cases) {
    const text = JSON.stringify(payload)
    const { longestMs: reading } = await longestTurn(async () => JSON.parse(text))
    const { result, longestMs } = await longestTurn(() =>
      app.call(400, { method: 'POST', url, headers: { 'content-type': 'application/json' }, payload: text }),
    )
    assert.ok(result.status === 'fulfilled')
    assert.deepEqual(
      [result.value.errors?.length, result.value.errors?.[0]],
      [20, { in: 'body', pointer, detail: 'is unknown' }],
    )
    assert.ok(longestMs < 6 * reading + 100, `${longestMs} ms, read in ${reading}`)
  }
})

test('unknown and invalid members are reported together', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const { errors } = await app.call(400, {
    method: 'POST',
    url: '/v1/galleries/g/search',
    payload: { imageId: 'a', k: 0, colour: 'red', size: 1 },
  })
  assert.deepEqual(
    errors?.map(({ pointer, detail }) => [pointer, detail]),
    [
      ['/k', 'must be >= 1'],
      ['/colour', 'is unknown'],
      ['/size', 'is unknown'],
    ],
  )
})

/** Waits until no request has work in progress. */
async function untilIdle(app: TestApp): Promise<void> {
  const idle = [
    'requests_in_flight',
    'uploads_in_flight',
    'decode_queue_depth',
    'decode_memory_bytes',
    'embed_queue_depth',
  ]
  await until(async () => {
    const text = (await app.app.inject('/metrics')).body
    return idle.every((name) => new RegExp(`^alike_${name}(\\{[^}]*\\})? 0$`, 'm').test(text))
  }, 'the end of all work')
}

/** What cannot be read as a request is answered in its turn, and never in place of another request's answer. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startApp, type TestApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { rawConnection } from '../support/raw-connection.js'
import { until } from '../support/until.js'

const picture = await drawImage('circle', 1, { format: 'png' })
const get = 'GET /v1/galleries/g HTTP/1.1\r\nhost: a\r\n\r\n'
const search = requestWith('image/png', picture.length)

function requestWith(type: string, length: number): string {
  return `POST /v1/galleries/g/search HTTP/1.1\r\nhost: a\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\n\r\n`
}

async function appWithGallery(t: TestContext): Promise<TestApp> {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  return app
}

/** Sends the chunks, ends its own side if `half`, and reads until the service closes the connection. */
async function converse(
  t: TestContext,
  address: string,
  chunks: (string | Buffer)[],
  { half = false } = {},
): Promise<string> {
  const connection = rawConnection(t, address)
  connection.write(Buffer.concat(chunks.map((chunk) => Buffer.from(chunk))))
  if (half) connection.socket.end()
  return connection.closed
}

/** Status and code of each answer, in order. */
function answersIn(answers: string): string[] {
  return answers
    .split(/(?=HTTP\/1\.1 )/)
    .map((answer) => `${answer.slice(9, 12)} ${/"code":"(\w+)"/.exec(answer)?.[1] ?? ''}`.trim())
}

test('what follows a request and cannot be read is answered after that request', async (t) => {
  const app = await appWithGallery(t)
  const address = await app.listen()
  const rows: [what: string, chunks: (string | Buffer)[], answers: string[]][] = [
    ['after nothing', ['GET / no request\r\n\r\n'], ['400 request_invalid']],
    ['after a read', [get, 'GET / no request\r\n\r\n'], ['200', '400 request_invalid']],
    ['after a search', [search, picture, 'GET / no request\r\n\r\n'], ['200', '400 request_invalid']],
    ['after two', [search, picture, get, 'GET / no request\r\n\r\n'], ['200', '200', '400 request_invalid']],
    ['a tunnel', [search, picture, 'CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n'], ['200', '405 method_not_allowed']],
    ['headers', [search, picture, `GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n`], ['200', '431 headers_too_large']],
  ]
  for (const [what, chunks, answers] of rows)
    assert.deepEqual(answersIn(await converse(t, address, chunks)), answers, what)
})

test('headers that are too large are refused with their bound and the way for long filters', async (t) => {
  const address = await (await appWithGallery(t)).listen()
  const ids = Array.from({ length: 2_000 }, (_, i) => `pictures/${i}.jpg`)
  const filter = encodeURIComponent(JSON.stringify({ field: 'id', in: ids }))
  const refused = await fetch(`${address}/v1/galleries/g/images?filter=${filter}`, { method: 'DELETE' })
  const { code, detail } = (await refused.json()) as { code: string; detail: string }
  assert.deepEqual([refused.status, code], [431, 'headers_too_large'])
  assert.match(detail, /16384 bytes.*NDJSON/)
})

test('a request that is not HTTP is told what is wrong with it', async (t) => {
  const address = await (await appWithGallery(t)).listen()
  const detailOf = async (request: string) => /"detail":"([^"]*)"/.exec(await converse(t, address, [request]))?.[1]
  assert.match((await detailOf('GET /v1/galleries/é HTTP/1.1\r\nhost: a\r\n\r\n'))!, /must be percent-encoded/)
  assert.match((await detailOf('GET / HTTP/1.1\r\nmy name: secret\r\n\r\n'))!, /not valid HTTP.*Invalid header token/)
})

test('a body whose client stops in the middle of it has ended early', async (t) => {
  const app = await appWithGallery(t)
  const address = await app.listen()
  const half = picture.subarray(0, picture.length / 2)
  const tar = `POST /v1/galleries/g/ingest HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-tar\r\ncontent-length: 9999\r\n\r\n`
  const chunked = `POST /v1/galleries/g/search HTTP/1.1\r\nhost: a\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab`
  const rows: [what: string, chunks: (string | Buffer)[], answers: string[]][] = [
    ['a picture', [search, half], ['400 body_incomplete']],
    ['a chunked one', [chunked], ['400 body_incomplete']],
    ['an upload to a job', [tar, Buffer.alloc(512)], ['400 body_incomplete']],
    ['after another request', [search, picture, search, half], ['200', '400 body_incomplete']],
    ['after its refusal', [requestWith('text/plain', 100), half.subarray(0, 9)], ['415 media_type_unsupported']],
    ['headers', ['GET /v1/galleries/g HTTP/1.1\r\nhost: a\r\n'], ['400 request_invalid']],
  ]
  for (const [what, chunks, answers] of rows)
    assert.deepEqual(answersIn(await converse(t, address, chunks, { half: true })), answers, what)
})

test('a request whose body breaks is counted and logged once, by its route', async (t) => {
  const app = await appWithGallery(t)
  const address = await app.listen()
  const broken = `POST /v1/galleries/g/search HTTP/1.1\r\nhost: a\r\ncontent-type: image/png\r\ntransfer-encoding: chunked\r\n\r\nno length\r\n`
  assert.deepEqual(answersIn(await converse(t, address, [broken])), ['400 request_invalid'])
  const half = picture.subarray(0, picture.length / 2)
  assert.deepEqual(answersIn(await converse(t, address, [search, half], { half: true })), ['400 body_incomplete'])
  assert.deepEqual(answersIn(await converse(t, address, ['GET / no request\r\n\r\n'])), ['400 request_invalid'])
  const counted = async () =>
    (await (await fetch(`${address}/metrics`)).text()).match(/^alike_http_requests_total\{.*status="[45].*$/gm)
  const expected = [
    'alike_http_requests_total{method="POST",route="/v1/galleries/:gallery/search",status="400"} 2',
    'alike_http_requests_total{method="unknown",route="unmatched",status="400"} 1',
  ]
  await until(async () => (await counted())?.length === 2)
  assert.deepEqual((await counted())?.sort(), expected)
  const logged = app.log.filter(({ method }) => method === 'POST')
  assert.deepEqual(
    logged.map(({ path, status }) => [path, status]),
    [1, 2].map(() => ['/v1/galleries/g/search', 400]),
  )
})

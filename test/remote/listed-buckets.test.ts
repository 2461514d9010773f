/** What is read from a store and which errors are waited out; against a real store: `test/http/ingest-s3.test.ts`. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { AlikeError } from '../../src/errors.js'
import { type ListedBucketsOptions, openListedBuckets } from '../../src/remote/listed-buckets.js'

process.env.AWS_ACCESS_KEY_ID = 'alike'
process.env.AWS_SECRET_ACCESS_KEY = 'alikealike'

const codeOf = (work: () => unknown) =>
  Promise.resolve()
    .then(work)
    .then(
      () => 'none',
      (error: unknown) => (error instanceof AlikeError ? error.code : String(error)),
    )

function open(t: TestContext, options: Partial<ListedBucketsOptions>) {
  const outcomes: string[] = []
  const buckets = openListedBuckets({
    ingestS3Buckets: 'photos',
    ingestS3Endpoint: '',
    ingestS3Region: 'us-east-1',
    ingestS3Profile: '',
    onRead: (outcome) => void outcomes.push(outcome),
    ...options,
  })
  t.after(() => buckets.close())
  return { buckets, outcomes }
}

/** A store with scripted responses. */
async function store(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const refused = (response: ServerResponse, status: number, code: string) =>
  response.writeHead(status, { 'content-type': 'application/xml' }).end(`<Error><Code>${code}</Code></Error>`)

test('only listed buckets are read, and with a prefix only what lies below it', async (t) => {
  const { buckets } = open(t, { ingestS3Buckets: ' photos , archive/2024/' })
  for (const [bucket, prefix, code] of [
    ['photos', '', 'none'],
    ['photos', 'any/', 'none'],
    ['archive', '2024/', 'none'],
    ['archive', '2024/may/', 'none'],
    ['archive', '2024', 'source_not_allowed'],
    ['archive', '', 'source_not_allowed'],
    ['archive', '2023/', 'source_not_allowed'],
    ['archive', '2024/../', 'source_not_allowed'],
    ['archive', '2024/may/..', 'source_not_allowed'],
    ['archive', '2024/..may/', 'none'],
    ['photos2', '', 'source_not_allowed'],
    ['../photos', '', 'source_not_allowed'],
  ] as const)
    assert.equal(await codeOf(() => buckets.expectAllowed(bucket, prefix)), code, `${bucket} ${prefix}`)
  assert.equal(
    await codeOf(() => open(t, { ingestS3Buckets: '' }).buckets.expectAllowed('photos', '')),
    'source_not_allowed',
  )
  for (const list of ['Photos', 'a', 's3://photos', 'photos;more'])
    assert.equal(await codeOf(() => open(t, { ingestS3Buckets: list })), 'config_invalid', list)
})

test('a store that restarts is waited for; permanent refusals are reported at once', async (t) => {
  let down = 12 // more than the client retries itself
  const requests: string[] = []
  const endpoint = await store(t, ({ url = '' }, response) => {
    requests.push(url.split('?', 1)[0]!)
    if (url.startsWith('/photos/gone')) refused(response, 404, 'NoSuchKey')
    else if (url.startsWith('/photos/secret')) refused(response, 403, 'AccessDenied')
    else if (url.startsWith('/photos/blocked')) response.writeHead(403).end('by a proxy')
    else if (url.startsWith('/photos/odd')) refused(response, 400, 'InvalidArgument')
    else if (down-- > 0) refused(response, 503, 'ServiceUnavailable')
    else response.end('the bytes')
  })
  const { buckets, outcomes } = open(t, { ingestS3Endpoint: endpoint })
  const read = (key: string, maxBytes = 100) =>
    buckets.read('photos', key, { maxBytes, signal: AbortSignal.timeout(60_000) })
  assert.equal(String(await read('a.jpg')), 'the bytes')
  assert.ok(requests.length > 12)
  assert.equal(await codeOf(() => read('gone.jpg')), 'source_unreadable')
  for (const key of ['secret.jpg', 'blocked.jpg', 'odd.jpg'])
    assert.equal(await codeOf(() => read(key)), 'source_unreadable', key)
  assert.equal(requests.filter((path) => path !== '/photos/a.jpg').length, 4, 'no attempt is wasted on them')
  assert.equal(await codeOf(() => read('large.jpg', 5)), 'image_too_large')
  assert.deepEqual(outcomes, ['read', ...Array<string>(5).fill('failed')])
})

test('a list ends with the page that says so, whatever token comes with it; one that breaks off is an error', async (t) => {
  const endpoint = await store(t, ({ url = '' }, response) => {
    const asked = new URL(url, 'http://store').searchParams
    const isLast = asked.get('continuation-token') === 'second' || asked.get('prefix') === ''
    const token = isLast ? asked.get('prefix') : 'second'
    response.end(
      asked.get('prefix') === 'broken'
        ? '<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>'
        : `<ListBucketResult><IsTruncated>${!isLast}</IsTruncated><NextContinuationToken>${token}</NextContinuationToken><Contents><Key>${token}.jpg</Key><Size>1</Size></Contents></ListBucketResult>`,
    )
  })
  const { buckets } = open(t, { ingestS3Endpoint: endpoint })
  const keysBelow = async (prefix: string) => {
    const keys: string[] = []
    for await (const page of buckets.list('photos', prefix, AbortSignal.timeout(60_000))) {
      keys.push(...page.map(({ key }) => key))
      assert.ok(keys.length < 9, 'it never ends')
    }
    return keys
  }
  assert.deepEqual(await keysBelow(''), ['.jpg'])
  assert.deepEqual(await keysBelow('more'), ['second.jpg', 'more.jpg'])
  assert.equal(await codeOf(() => keysBelow('broken')), 'source_unreadable')
})

test('a store that falls silent counts as one that does not answer', async (t) => {
  const endpoint = await store(t, ({ url = '' }, response) => {
    if (url.startsWith('/photos/half')) response.writeHead(200, { 'content-length': 1_000 }).write('the beginning')
  })
  const { buckets } = open(t, { ingestS3Endpoint: endpoint, patienceMs: 0, silentMs: 100 })
  const { signal } = new AbortController()
  for (const key of ['silent', 'half'])
    assert.equal(await codeOf(() => buckets.read('photos', key, { maxBytes: 1e6, signal })), 'source_unreachable', key)
})

test('a store that takes long to list a bucket is waited for', async (t) => {
  const endpoint = await store(t, (_request, response) => {
    setTimeout(() => response.end('<ListBucketResult><Contents><Key>a.jpg</Key></Contents></ListBucketResult>'), 1_000)
  })
  const { buckets } = open(t, { ingestS3Endpoint: endpoint, patienceMs: 0, silentMs: 100 })
  const { value } = await buckets.list('photos', '', AbortSignal.timeout(60_000)).next()
  assert.deepEqual(value, [{ key: 'a.jpg', bytes: 0 }])
})

test('a store that does not return fails the work, and a stopped job does not wait for it', async (t) => {
  const endpoint = await store(t, (_request, response) => refused(response, 500, 'InternalError'))
  const impatient = open(t, { ingestS3Endpoint: endpoint, patienceMs: 1 }).buckets
  const signal = new AbortController().signal
  assert.equal(await codeOf(() => impatient.read('photos', 'a.jpg', { maxBytes: 1, signal })), 'source_unreachable')
  assert.equal(await codeOf(() => impatient.list('photos', '', signal).next()), 'source_unreachable')

  const stopped = new AbortController()
  const patient = open(t, { ingestS3Endpoint: endpoint }).buckets
  const waiting = codeOf(() => patient.list('photos', '', stopped.signal).next())
  stopped.abort(new Error('stopped'))
  assert.equal(await waiting, 'Error: stopped')
})

for (const [status, refusal] of [
  [403, 'InvalidAccessKeyId'],
  [403, 'RequestTimeTooSkewed'],
  [404, 'NoSuchBucket'],
] as const)
  test(`${refusal} concerns no single object: reading waits for it, listing fails at once`, async (t) => {
    let refusals = 0
    const requests: string[] = []
    const endpoint = await store(t, ({ url = '' }, response) => {
      requests.push(url)
      if (refusals-- > 0) refused(response, status, refusal)
      else response.end('the bytes')
    })
    const { buckets } = open(t, { ingestS3Endpoint: endpoint })
    const signal = AbortSignal.timeout(60_000)
    refusals = 1
    assert.equal(await codeOf(() => buckets.list('photos', '', signal).next()), 'source_unreadable')
    refusals = 1
    assert.equal(String(await buckets.read('photos', 'a.jpg', { maxBytes: 100, signal })), 'the bytes')
    refusals = Infinity
    requests.length = 0
    const reading = { maxBytes: 100, signal, patienceMs: 1, listedBefore: '2024/' }
    await assert.rejects(buckets.read('photos', 'a.jpg', reading), {
      code: 'source_unreachable',
      detail: `The object: ${refusal}.`,
    })
    assert.equal(requests.length, 1, 'it is not waited for again by a list')
  })

test('a refused object of a bucket that was listed counts as unreadable only if the list is still granted', async (t) => {
  let refusals = 0
  const endpoint = await store(t, ({ url = '' }, response) => {
    if (url.includes('secret.jpg')) refused(response, 403, 'AccessDenied')
    else if (refusals-- > 0) refused(response, 403, 'AccessDenied')
    else if (url.includes('list-type=2'))
      response.end('<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>')
    else response.end('the bytes')
  })
  const { buckets } = open(t, { ingestS3Endpoint: endpoint })
  const signal = AbortSignal.timeout(60_000)
  const read = (key: string, patienceMs?: number) =>
    buckets.read('photos', key, { maxBytes: 100, signal, patienceMs, listedBefore: '2024/' })
  assert.equal(await codeOf(() => read('secret.jpg')), 'source_unreadable')
  refusals = 2
  assert.equal(String(await read('a.jpg')), 'the bytes')
  refusals = Infinity
  await assert.rejects(read('a.jpg', 1), { code: 'source_unreachable', detail: 'The bucket: AccessDenied.' })
})

/** References as they are given, and as they are followed much later. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { AlikeError } from '../../src/errors.js'
import { openListedBuckets } from '../../src/remote/listed-buckets.js'
import { ReferencedImages } from '../../src/remote/referenced-images.js'
import { openRemoteImages } from '../../src/remote/remote-images.js'
import { bucketServer } from '../support/bucket-server.js'
import { imageServer } from '../support/image-server.js'

const bytes = Buffer.from('a picture')
const contentHash = createHash('sha256').update(bytes).digest('hex')

async function opened(t: TestContext, { allowLoopback = false, urlAllowedHosts = 'a.example' } = {}) {
  process.env.AWS_ACCESS_KEY_ID ??= 'test'
  process.env.AWS_SECRET_ACCESS_KEY ??= 'test'
  const { endpoint, objects } = await bucketServer(t)
  const stored = objects as Map<string, object>
  for (const key of ['archive/2024/a.jpg', 'archive/2024//a.jpg', 'archive/secret.jpg', 'archive/2024/../secret.jpg'])
    stored.set(key, { bytes, putAt: new Date() })
  const buckets = openListedBuckets({
    ingestS3Buckets: 'archive/2024/',
    ingestS3Endpoint: endpoint,
    ingestS3Region: 'eu-central-1',
    ingestS3Profile: '',
    patienceMs: 1_000,
  })
  t.after(() => buckets.close())
  const remote = openRemoteImages({ urlAllowedHosts, urlTimeoutMs: 20_000, uploadMaxBytes: 1e6, allowLoopback })
  t.after(() => remote.close())
  const readFile = async () => assert.fail('no file is referred to')
  return new ReferencedImages({ remote, buckets, readFile, sizeOfFile: readFile, uploadMaxBytes: 1e6 })
}

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work()
    return 'none'
  } catch (error) {
    assert.ok(error instanceof AlikeError, String(error))
    return error.code
  }
}

test('a key that climbs, or whose path is ambiguous, is refused when given', async (t) => {
  const references = await opened(t)
  for (const [reference, code] of [
    ['s3://archive/2024/a.jpg', 'none'],
    ['s3://archive/2024/a..jpg', 'none'],
    ['s3://archive/2024/%2e%2e/a.jpg', 'none'], // keys have no escapes
    ['s3://archive/2024/../secret.jpg', 'reference_invalid'],
    ['s3://archive/2024/..', 'reference_invalid'],
    ['s3://archive/2024/./a.jpg', 'reference_invalid'],
    ['s3://archive/2024//a.jpg', 'reference_invalid'],
    ['s3://archive//2024/a.jpg', 'reference_invalid'],
    ['s3://archive/2024/', 'reference_invalid'],
    ['s3://archive', 'reference_invalid'],
    ['s3:///2024/a.jpg', 'reference_invalid'],
    ['s3://archive/secret.jpg', 'source_not_allowed'],
    ['s3://other/2024/a.jpg', 'source_not_allowed'],
    ['s3://me:secret@archive/2024/a.jpg', 'source_not_allowed'],
    ['https://a.example/x/../a.jpg', 'none'], // resolved before its host is asked
    ['https://b.example/a.jpg', 'url_not_allowed'],
  ] as const)
    assert.equal(await codeOf(() => references.expectGiven(reference)), code, reference)
})

test('an already stored one is read with an empty segment, but not if it climbs', async (t) => {
  const references = await opened(t)
  const { signal } = new AbortController()
  const fetch = (reference: string) => references.fetch(reference, { contentHash, signal })
  for (const key of ['2024/a.jpg', '2024//a.jpg']) assert.deepEqual(await fetch(`s3://archive/${key}`), bytes, key)
  for (const key of ['2024/../secret.jpg', 'secret.jpg'])
    assert.equal(await codeOf(() => fetch(`s3://archive/${key}`)), 'source_not_allowed', key)
})

test('of a picture that has grown no more is read than it had', async (t) => {
  let sent = 0
  const { url, host } = await imageServer(t, {
    '/endless': (response) => {
      const send = () => {
        if (response.destroyed) return
        sent += 1_000
        response.write(Buffer.alloc(1_000), () => setImmediate(send))
      }
      send()
    },
  })
  const references = await opened(t, { allowLoopback: true, urlAllowedHosts: host })
  const { signal } = new AbortController()
  for (const reference of [`${url}/endless`, 's3://archive/2024/a.jpg']) {
    const grown = () => references.fetch(reference, { contentHash, bytes: bytes.length - 1, signal })
    assert.equal(await codeOf(grown), 'original_changed', reference)
  }
  assert.ok(sent < 900_000, `${sent} bytes were sent`)
})

test('a picture whose size is stated must have kept it, and one that is too large is not asked for', async (t) => {
  const stating = (headers: Record<string, string>) => (response: ServerResponse) =>
    void response.writeHead(200, headers).end()
  const { url, host, requests } = await imageServer(t, {
    '/a.jpg': stating({ 'content-length': '9' }),
    '/unstated.jpg': stating({}),
  })
  const references = await opened(t, { allowLoopback: true, urlAllowedHosts: host })
  const { signal } = new AbortController()
  const askedFor = (reference: string, size: number) => codeOf(() => references.expectSize(reference, size, { signal }))
  for (const [reference, size, code] of [
    [`${url}/a.jpg`, 9, 'none'],
    [`${url}/a.jpg`, 8, 'original_changed'],
    [`${url}/unstated.jpg`, 9, 'none'],
    ['s3://archive/2024/a.jpg', bytes.length, 'none'],
    ['s3://archive/2024/a.jpg', bytes.length + 1, 'original_changed'],
    ['s3://archive/secret.jpg', bytes.length, 'source_not_allowed'],
    [`${url}/large.jpg`, 1e6 + 1, 'image_too_large'],
  ] as const)
    assert.equal(await askedFor(reference, size), code, `${reference} ${size}`)
  assert.ok(!requests.includes('/large.jpg'))
})

test('a picture of another content is not delivered in place of the one that was stored', async (t) => {
  const references = await opened(t)
  const { signal } = new AbortController()
  const other = contentHash.replace(/^./, (digit) => (digit === '0' ? '1' : '0'))
  const fetched = () => references.fetch('s3://archive/2024/a.jpg', { contentHash: other, signal })
  assert.equal(await codeOf(fetched), 'original_changed')
})

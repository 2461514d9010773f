import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeKey } from '../../src/access/api-keys.js'
import { startApp, temporaryFolder } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { archiveOfModel } from '../support/installed-model.js'
import type { ErrorLine, Job } from '../support/jobs.js'
import { rawConnection } from '../support/raw-connection.js'
import { until } from '../support/until.js'

const owner = makeKey('owner', 'admin')
const bearer = ({ key }: { key: string }) => ({ authorization: `Bearer ${key}` })
const lines = { 'content-type': 'application/x-ndjson' }

test('a key for some galleries reaches them, their jobs, and whatever belongs to no gallery', async (t) => {
  const shop = makeKey('shop', 'write', { galleries: ['shop-*'] })
  const app = await startApp(t, { apiKeys: `${owner.line},${shop.line}` })
  const jobs: Record<string, string> = {}
  for (const gallery of ['shop-a', 'other']) {
    const url = `/v1/galleries/${gallery}`
    await app.call(201, { method: 'PUT', url, headers: bearer(owner) })
    const payload = '{"delete":"none"}\n'
    const headers = { ...bearer(owner), ...lines }
    jobs[gallery] = (await app.call(202, { method: 'POST', url: `${url}/ingest`, headers, payload })).id
  }
  const rows: [number, 'GET' | 'PUT' | 'POST' | 'DELETE', string][] = [
    [200, 'GET', '/v1/galleries/shop-a'],
    [403, 'GET', '/v1/galleries/other'],
    [403, 'GET', '/v1/galleries/shop'],
    [201, 'PUT', '/v1/galleries/shop-b'],
    [403, 'PUT', '/v1/galleries/another'],
    [403, 'GET', '/v1/galleries/other/images'],
    [200, 'GET', `/v1/jobs/${jobs['shop-a']}`],
    [403, 'GET', `/v1/jobs/${jobs.other}`],
    [403, 'GET', `/v1/jobs/${jobs.other}/errors`],
    [403, 'GET', `/v1/jobs/${jobs.other}/events`],
    [403, 'DELETE', `/v1/jobs/${jobs.other}`],
    [404, 'GET', '/v1/jobs/none'],
    [200, 'GET', '/v1/jobs?gallery=shop-a'],
    [403, 'GET', '/v1/jobs?gallery=other'],
    [403, 'GET', '/v1/jobs'],
    [200, 'GET', '/v1/models'],
    [403, 'GET', '/metrics'],
  ]
  for (const [status, method, url] of rows) {
    const problem = await app.call(status, { method, url, headers: bearer(shop) })
    if (status === 403) assert.equal(problem.code, 'gallery_forbidden', url)
  }
  const { galleries } = await app.call(200, { url: '/v1/galleries', headers: bearer(shop) })
  assert.deepEqual(
    galleries.map(({ name }) => name),
    ['shop-a', 'shop-b'],
  )
})

test('a caller is told what it may do, whatever that is', async (t) => {
  const [shop, none] = [
    makeKey('shop', 'write', { galleries: ['shop-*'] }),
    makeKey('feeder', 'write', { verbs: ['write'] }),
  ]
  const app = await startApp(t, { apiKeys: [owner, shop, none].map(({ line }) => line).join() })
  const url = '/v1/caller'
  const analyses = ['evaluate', 'duplicates', 'doctor', 'layout']
  const all = {
    verbs: ['search', 'read', 'metrics', 'write', 'delete', 'admin'],
    jobs: ['ingest', ...analyses, 're-embedding', 'move'],
    galleries: null,
    urls: false,
  }
  assert.deepEqual(await app.call(200, { url, headers: bearer(owner) }), { name: 'owner', ...all })
  assert.deepEqual(await app.call(200, { url, headers: bearer(shop) }), {
    name: 'shop',
    verbs: ['search', 'read', 'metrics', 'write', 'delete'],
    jobs: ['ingest', ...analyses],
    galleries: ['shop-*'],
    urls: false,
  })
  assert.deepEqual(await app.call(200, { url, headers: bearer(none) }), {
    name: 'feeder',
    verbs: ['write'],
    jobs: ['ingest', ...analyses],
    galleries: null,
    urls: false,
  })
  assert.equal((await app.call(401, { url })).code, 'unauthenticated')
  const open = await startApp(t, { urlAllowedHosts: 'images.example.com' })
  assert.deepEqual(await open.call(200, { url }), { name: null, ...all, urls: true })
})

test('a list of galleries says nothing about those that a key does not cover', async (t) => {
  const shop = makeKey('shop', 'read', { galleries: ['shop-*'] })
  const app = await startApp(t, { apiKeys: `${owner.line},${shop.line}` })
  for (const name of ['a-hidden', 'shop-a', 'shop-b', 'shop', 'shoq', 'shop-c', 'zz-hidden'])
    await app.call(201, { method: 'PUT', url: `/v1/galleries/${name}`, headers: bearer(owner) })
  const pagesOf = async (limit: number) => {
    const pages: string[][] = []
    for (let cursor: string | undefined, more = true; more; ) {
      const query = `limit=${limit}${cursor === undefined ? '' : `&cursor=${cursor}`}`
      const page = await app.call(200, { url: `/v1/galleries?${query}`, headers: bearer(shop) })
      pages.push(page.galleries.map(({ name }) => name))
      cursor = page.nextCursor
      more = cursor !== undefined
      // a cursor can be read by anyone who receives it
      assert.doesNotMatch(
        Buffer.from(cursor ?? '', 'base64url')
          .subarray(6)
          .toString(),
        /hidden|^shop$|shoq/,
      )
    }
    return pages
  }
  assert.deepEqual(await pagesOf(1), [['shop-a'], ['shop-b'], ['shop-c']])
  assert.deepEqual(await pagesOf(2), [['shop-a', 'shop-b'], ['shop-c']])
  assert.deepEqual(await pagesOf(3), [['shop-a', 'shop-b', 'shop-c']])
})

test('a key for some verbs can do nothing else', async (t) => {
  const [finder, feeder] = [
    makeKey('finder', 'read', { verbs: ['search'] }),
    makeKey('feeder', 'write', { verbs: ['write'] }),
  ]
  const app = await startApp(t, { apiKeys: [owner, finder, feeder].map(({ line }) => line).join(',') })
  const url = '/v1/galleries/shapes'
  const payload = await drawImage('circle', 1, { format: 'png' })
  const png = { 'content-type': 'image/png' }
  const copies = { kind: 'copies', ids: ['a', 'b'] }
  const [oneOf, both] = [
    { ...copies, decision: 'keep-one', keep: 'a' },
    { ...copies, decision: 'not-copies' },
  ]
  const rows = [
    { key: feeder, status: 201, method: 'PUT', url },
    { key: feeder, status: 201, method: 'PUT', url: `${url}/images/a`, headers: png, payload },
    { key: feeder, status: 403, method: 'DELETE', url: `${url}/images/a` },
    { key: feeder, status: 403, method: 'DELETE', url: `${url}/images?label=x` },
    { key: feeder, status: 201, method: 'PUT', url: `${url}/images/b`, headers: png, payload },
    { key: feeder, status: 403, method: 'POST', url: `${url}/decisions`, payload: oneOf },
    { key: feeder, status: 200, method: 'PATCH', url: `${url}/images?label=x`, payload: { label: 'y' } },
    { key: finder, status: 403, method: 'PATCH', url: `${url}/images?label=x`, payload: { label: 'y' } },
    { key: owner, status: 200, method: 'GET', url: `${url}/images/b` },
    { key: feeder, status: 201, method: 'POST', url: `${url}/decisions`, payload: both },
    { key: feeder, status: 403, method: 'POST', url: `${url}/search`, headers: png, payload },
    { key: finder, status: 200, method: 'POST', url: `${url}/search`, headers: png, payload },
    { key: finder, status: 200, method: 'POST', url: '/v1/embeddings', headers: png, payload },
    { key: finder, status: 403, method: 'GET', url: `${url}/images/a` },
    { key: finder, status: 403, method: 'GET', url: '/metrics' },
  ] as const
  for (const { key, status, ...request } of rows) {
    const headers = { ...('headers' in request && request.headers), ...bearer(key) }
    const problem = await app.call(status, { ...request, headers } as object)
    if (status === 403) assert.equal(problem.code, 'forbidden')
  }
})

test('lines of a caller that may not delete fail where they delete, whoever resumes the job in whichever process', async (t) => {
  const feeder = makeKey('feeder', 'write', { verbs: ['write'] })
  const settings = { apiKeys: `${owner.line},${feeder.line}`, dataDir: await temporaryFolder(t) }
  const first = await startApp(t, settings)
  const url = '/v1/galleries/shapes'
  await first.call(201, { method: 'PUT', url, headers: bearer(feeder) })
  const pictures = await Promise.all(Array.from({ length: 8 }, (_, n) => drawImage('circle', n)))
  const count = 300
  const adds = Array.from({ length: count }, (_, n) => {
    const image = Buffer.concat([pictures[n % 8]!, Buffer.from(`${n}`)]).toString('base64')
    return { add: { id: `${n}`, image } }
  })
  const changes = [{ patch: { id: '0', label: 'x' } }, { delete: { id: '0' } }, { delete: { id: 'none' } }]
  const payload = [...adds, ...changes, { add: { ...adds[0]!.add, id: 'last' } }]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('')
  const post = { method: 'POST', url: `${url}/ingest`, payload } as const
  const { id } = await first.call<Job>(202, { ...post, headers: { ...lines, ...bearer(feeder) } })
  const job = { url: `/v1/jobs/${id}`, headers: bearer(owner) }
  await until(async () => (await first.call<Job>(200, job)).done > 0, 'the first pictures')
  const { done } = await first.call<Job>(200, { ...job, method: 'PATCH', payload: { paused: true } })
  assert.ok(done < count)
  await first.close()

  const second = await startApp(t, settings)
  await second.call(200, { ...job, method: 'PATCH', payload: { paused: false } })
  const ended = await until(async () => {
    const read = await second.call<Job>(200, job)
    return read.finishedAt !== null && read
  }, 'the end of the job')
  const { state, added, updated, removed, failed } = ended
  assert.deepEqual(
    { state, added, updated, removed, failed },
    { state: 'completed_with_errors', added: count + 1, updated: 1, removed: 0, failed: 2 },
  )
  const { body } = await second.app.inject({ ...job, url: `${job.url}/errors` })
  const errors = body
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as ErrorLine)
  assert.deepEqual(
    errors.map(({ item, name, code }) => [item, name, code]),
    [
      [count + 1, '0', 'forbidden'],
      [count + 2, 'none', 'forbidden'],
    ],
  )
  const { label } = await second.call(200, { url: `${url}/images/0`, headers: bearer(owner) })
  assert.equal(label, 'x')
  const deletes = { ...post, payload: '{"delete":{"id":"0"}}\n', headers: { ...lines, ...bearer(owner) } }
  await second.call(202, deletes)
  await until(
    async () => (await second.app.inject({ url: `${url}/images/0`, headers: bearer(owner) })).statusCode === 404,
    'a line of a caller that may delete',
  )
})

test('a key is refused from its expiry on', async (t) => {
  const soon = new Date(Date.now() + 60_000).toISOString().replace(/\.\d+/, '')
  const [past, future] = [
    makeKey('past', 'read', { expires: '2020-01-01' }),
    makeKey('future', 'read', { expires: soon }),
  ]
  const app = await startApp(t, { apiKeys: `${past.line},${future.line}` })
  assert.equal((await app.call(401, { url: '/v1/galleries', headers: bearer(past) })).code, 'key_expired')
  await app.call(200, { url: '/v1/galleries', headers: bearer(future) })
  t.mock.timers.enable({ apis: ['Date'], now: Date.parse(soon) })
  assert.equal((await app.call(401, { url: '/v1/galleries', headers: bearer(future) })).code, 'key_expired')
})

test('the audit log records writes and refusals with their callers, but no reads and no keys', async (t) => {
  const auditLog = join(await temporaryFolder(t), 'audit', 'log')
  const reader = makeKey('reader', 'read')
  const app = await startApp(t, { apiKeys: `${owner.line},${reader.line}`, auditLog })
  const url = '/v1/galleries/shapes'
  await app.call(201, { method: 'PUT', url, headers: { ...bearer(owner), 'x-request-id': 'first' } })
  await app.call(200, { url, headers: bearer(reader) })
  await app.call(403, { method: 'DELETE', url, headers: bearer(reader) })
  await app.call(401, { url, headers: { authorization: 'Bearer alike_guess' } })
  await app.call(404, { method: 'DELETE', url: `${url}/images/none`, headers: bearer(owner) })
  const entries = await linesOf(auditLog, 4)
  assert.deepEqual(
    entries.map(({ caller, action, gallery, image, outcome, code }) => [caller, action, gallery, image, outcome, code]),
    [
      ['owner', 'createGallery', 'shapes', undefined, 'done', undefined],
      ['reader', 'deleteGallery', 'shapes', undefined, 'refused', 'forbidden'],
      ['', 'getGallery', 'shapes', undefined, 'refused', 'unauthenticated'],
      ['owner', 'deleteImage', 'shapes', 'none', 'refused', 'image_not_found'],
    ],
  )
  assert.deepEqual([entries[0]!.requestId, entries[0]!.status, entries[0]!.address], ['first', 201, '127.0.0.1'])
  assert.doesNotMatch(await readFile(auditLog, 'utf8'), /alike_/)
})

test('the audit log has one line for each request that comes over a connection', async (t) => {
  const auditLog = join(await temporaryFolder(t), 'log')
  const app = await startApp(t, { auditLog })
  const address = await app.listen() // answers of `inject` do not close like those of a connection
  for (const name of ['a', 'b', 'c']) await fetch(`${address}/v1/galleries/${name}`, { method: 'PUT' })
  await fetch(`${address}/v1/galleries/a/images/none`, { method: 'DELETE' })
  const entries = await linesOf(auditLog, 4)
  assert.deepEqual(
    entries.map(({ action, outcome, status }) => [action, outcome, status]),
    [...Array(3).fill(['createGallery', 'done', 201]), ['deleteImage', 'refused', 404]],
  )
})

test('the audit log names the address of an upload that is refused in its midst, or breaks off', async (t) => {
  const auditLog = join(await temporaryFolder(t), 'log')
  const app = await startApp(t, { auditLog, trustProxy: '127.0.0.1', ingestMaxBytes: 100_000 })
  const listening = await app.listen()
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  for (const type of ['application/x-tar', 'application/x-ndjson'])
    for (const bytes of [10, 200_000]) {
      const connection = rawConnection(t, listening)
      const head = `POST /v1/galleries/g/ingest HTTP/1.1\r\nhost: test\r\ncontent-type: ${type}\r\nx-forwarded-for: 192.0.2.1\r\n`
      connection.write(`${head}transfer-encoding: chunked\r\n\r\n${bytes.toString(16)}\r\n${' '.repeat(bytes)}\r\n`)
      if (bytes > 100_000) await connection.arrival('HTTP/1.1 ')
      else
        await until(async () =>
          / 1$/m.test(/^alike_uploads_in_flight .*/m.exec((await app.app.inject('/metrics')).body)![0]),
        )
      connection.socket.destroy()
      await until(async () =>
        / 0$/m.test(/^alike_uploads_in_flight .*/m.exec((await app.app.inject('/metrics')).body)![0]),
      )
    }
  const [, ...entries] = await linesOf(auditLog, 5)
  assert.deepEqual(
    entries.map(({ outcome, address }) => [outcome, address]),
    [
      ['left', '192.0.2.1'],
      ['refused', '192.0.2.1'],
      ['left', '192.0.2.1'],
      ['refused', '192.0.2.1'],
    ],
  )
})

test('the audit log can be part of the log', async (t) => {
  const app = await startApp(t, { auditLog: 'log' })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const entry = app.log.find(({ audit }) => audit === true)
  assert.deepEqual([entry?.action, entry?.outcome], ['createGallery', 'done'])
})

test('metrics can have their own port, with the same keys', async (t) => {
  const reader = makeKey('reader', 'read')
  const app = await startApp(t, { apiKeys: reader.line, metricsPort: 9100 })
  assert.equal((await app.app.inject({ url: '/metrics', headers: bearer(reader) })).statusCode, 404)
  const own = app.metricsApp!
  assert.equal((await own.inject('/metrics')).statusCode, 401)
  const { statusCode, body } = await own.inject({ url: '/metrics', headers: bearer(reader) })
  assert.equal(statusCode, 200)
  assert.match(body, /^alike_http_requests_total\{.*status="404"\} 1$/m)
  assert.equal((await own.inject('/v1/galleries')).statusCode, 404)
})

test('the running service follows changes to its key file', async (t) => {
  const apiKeysFile = join(await temporaryFolder(t), 'keys')
  const [first, second] = [makeKey('first', 'read'), makeKey('second', 'read')]
  await writeFile(apiKeysFile, first.line)
  const app = await startApp(t, { apiKeysFile, metricsOpen: true })
  const status = async (key: { key: string }) =>
    (await app.app.inject({ url: '/v1/galleries', headers: bearer(key) })).statusCode
  assert.deepEqual([await status(first), await status(second)], [200, 401])
  await writeFile(apiKeysFile, second.line)
  await until(async () => (await status(second)) === 200, 'the second key')
  assert.equal(await status(first), 401)
  assert.match((await app.app.inject('/metrics')).body, /alike_key_reloads_total\{outcome="reloaded"\} 1/)
  await writeFile(apiKeysFile, '')
  await until(async () => (await status(second)) === 401, 'no key')
  assert.equal((await app.app.inject('/v1/galleries')).statusCode, 401, 'the service stays closed')
  assert.ok(app.log.some(({ msg }) => msg === 'no API keys are left: callers with a key are refused'))
})

/** Written in the background. */
async function linesOf(file: string, count: number): Promise<Record<string, unknown>[]> {
  const entries = await until(async () => {
    const text = await readFile(file, 'utf8').catch(() => '')
    const lines = text.split('\n').filter((line) => line !== '')
    return lines.length >= count && lines
  }, `${count} lines of the audit log`)
  return entries.map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('a job that only an admin may start is steered and cancelled by admins only', async (t) => {
  const writer = makeKey('writer', 'write')
  const app = await startApp(t, { apiKeys: `${owner.line},${writer.line}`, gateOverlapMin: 0 })
  const url = '/v1/galleries/g'
  const headers = bearer(owner)
  const { folder } = await handmadeModel(t, { inputSize: 16, dimension: 12, name: 'twelve' })
  await app.call(201, {
    method: 'POST',
    url: '/v1/models',
    headers: { ...headers, 'content-type': 'application/x-tar' },
    payload: await archiveOfModel(folder),
  })
  await app.call(201, { method: 'PUT', url, headers })
  const image = (await drawImage('circle', 1)).toString('base64')
  await app.call(201, { method: 'PUT', url: `${url}/images/a`, headers, payload: { image } })
  const { id } = await app.call(202, { method: 'POST', url: `${url}/sets`, headers, payload: { model: 'twelve' } })
  const job = `/v1/jobs/${id}`
  for (const asked of [{ method: 'PATCH', payload: { paused: true } }, { method: 'DELETE' }] as const)
    assert.equal((await app.call(403, { ...asked, url: job, headers: bearer(writer) })).code, 'forbidden')
  const { statusCode } = await app.app.inject({ method: 'DELETE', url: job, headers })
  assert.ok([200, 409].includes(statusCode), 'cancelled, unless it has ended')
})

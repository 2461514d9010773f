/** Pictures in their owner's storage: recorded, read again and verified; and galleries that keep no originals. */
import assert from 'node:assert/strict'
import { mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { InjectOptions } from 'fastify'
import { makeKey } from '../../src/access/api-keys.js'
import { openRemoteImages } from '../../src/remote/remote-images.js'
import { startApp, type TestApp } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { bucketServer } from '../support/bucket-server.js'
import { drawImage } from '../support/drawn-images.js'
import { formBody, formHeaders } from '../support/forms.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { imageServer } from '../support/image-server.js'
import { installModel } from '../support/installed-model.js'
import { endedJob, errorsOf, type Job, sendJob } from '../support/jobs.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { until } from '../support/until.js'

const gallery = '/v1/galleries/g'
const pictures = await Promise.all([1, 2, 3, 4].map((seed) => drawImage('circle', seed)))
const [one, two, three] = pictures as [Buffer, Buffer, Buffer, Buffer]
const base64 = (bytes: Buffer) => bytes.toString('base64')

type ShownImage = Record<'id' | 'reference' | 'referenceHasQuery', unknown>

/** An owner's files, which a test changes; `answers.away`: how many times a file is missing. */
async function owner(t: TestContext, files: Record<string, Buffer>) {
  const answers = { away: 0 }
  const serve = (path: string) => (response: ServerResponse) => {
    if (answers.away > 0) {
      answers.away--
      return response.writeHead(503, { 'retry-after': '0.01' }).end()
    }
    return files[path] === undefined ? response.writeHead(404).end() : response.end(files[path])
  }
  const server = await imageServer(t, Object.fromEntries(Object.keys(files).map((path) => [path, serve(path)])))
  return { ...server, files, answers }
}

async function referring(t: TestContext, host: string, overrides: Parameters<typeof startApp>[1] = {}) {
  const remote = openRemoteImages({
    urlAllowedHosts: host,
    urlTimeoutMs: 20_000,
    uploadMaxBytes: 1e6,
    allowLoopback: true,
  })
  const app = await startApp(t, overrides, remote)
  const made = await app.call(201, { method: 'PUT', url: gallery, payload: { originals: 'reference' } })
  assert.deepEqual([made.originals, made.holdsOriginals], ['reference', false])
  return app
}

const put = (app: TestApp, status: number, id: string, payload: object) =>
  app.call<{ code: string; reference?: string }>(status, { method: 'PUT', url: `${gallery}/images/${id}`, payload })
const original = (app: TestApp, id: string, headers: Record<string, string> = {}) =>
  app.app.inject({ url: `${gallery}/images/${id}/original`, headers })
const referenceOf = async (app: TestApp, id: string) =>
  (await app.call<{ reference?: string }>(200, { url: `${gallery}/images/${id}` })).reference
const keptFiles = (app: TestApp) =>
  readdir(join(app.config.dataDir, 'originals'), { recursive: true }).catch((): string[] => [])

test('a picture sent by URL is stored with its reference, no original is kept, and it can be fetched while unchanged', async (t) => {
  const { url, host, files } = await owner(t, { '/a.png': one })
  const app = await referring(t, host)
  assert.equal((await put(app, 201, 'a', { url: `${url}/a.png` })).reference, `${url}/a.png`)
  assert.deepEqual(await keptFiles(app), [])

  const whole = await original(app, 'a')
  assert.deepEqual([whole.statusCode, whole.rawPayload.equals(one)], [200, true])
  const some = await original(app, 'a', { range: 'bytes=10-19' })
  assert.deepEqual([some.statusCode, some.headers['content-range']], [206, `bytes 10-19/${one.length}`])
  assert.deepEqual(some.rawPayload, one.subarray(10, 20))
  assert.equal((await original(app, 'a', { range: `bytes=${one.length}-` })).statusCode, 416)
  assert.equal((await original(app, 'a', { 'if-none-match': String(whole.headers.etag) })).statusCode, 304)

  files['/a.png'] = two
  for (const headers of [{}, { range: 'bytes=0-9' }]) {
    const changed = await original(app, 'a', headers)
    assert.deepEqual([changed.statusCode, changed.json().code], [409, 'original_changed'])
    assert.equal(changed.headers.etag, undefined)
  }
  delete files['/a.png']
  assert.equal((await original(app, 'a')).json().code, 'url_unreachable')
  const { body } = await app.app.inject('/metrics')
  assert.match(body, /alike_original_references_total\{outcome="fetched"\} 2/)
  assert.match(body, /alike_original_references_total\{outcome="changed"\} 2/)
  assert.match(body, /alike_original_references_total\{outcome="failed"\} 1/)
})

test('HEAD of a referred original compares sizes with the owner’s server, and fetches nothing', async (t) => {
  const large = Buffer.concat([one, Buffer.alloc(900_000)])
  let isHeadDenied = false
  let sent = 0
  const files = new Map([['/a.png', large]])
  const server = createServer(({ url, method }, response) => {
    const file = files.get(url!)
    if (file === undefined || (method === 'HEAD' && isHeadDenied)) return response.writeHead(403).end()
    response.writeHead(200, { 'content-length': file.length })
    if (method === 'HEAD') return response.end()
    let at = 0
    const more = () => {
      while (at < file.length && !response.destroyed) {
        const chunk = file.subarray(at, (at += 10_000))
        sent += chunk.length
        if (!response.write(chunk)) return response.once('drain', more)
      }
      response.end()
    }
    more()
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.after(() => server.close().closeAllConnections())
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const app = await referring(t, host)
  await put(app, 201, 'a', { url: `http://${host}/a.png` })
  const head = () => app.app.inject({ method: 'HEAD', url: `${gallery}/images/a/original` })
  sent = 0
  const answer = await head()
  assert.deepEqual(
    [answer.statusCode, answer.headers['content-length'], answer.headers['content-type'], sent],
    [200, String(large.length), 'image/jpeg', 0],
  )
  assert.deepEqual(answer.headers.etag, (await original(app, 'a')).headers.etag)

  files.set('/a.png', large.subarray(1))
  assert.equal((await head()).statusCode, 409)
  // as an address that is signed for GET only
  isHeadDenied = true
  assert.equal((await head()).statusCode, 409)
  files.set('/a.png', large)
  assert.equal((await head()).statusCode, 200)
  files.delete('/a.png')
  assert.equal((await head()).statusCode, 422)
})

test('a reference is sent with the picture in JSON, in a form and in the URL; a disallowed one is refused', async (t) => {
  const { url, host } = await owner(t, { '/a.png': one })
  const app = await referring(t, host)
  const reference = `${url}/a.png`
  assert.equal((await put(app, 201, 'json', { image: base64(one), reference })).reference, reference)
  const form = formBody([
    { name: 'image', content: one, filename: 'a.png' },
    { name: 'reference', content: reference },
  ])
  await app.call(201, { method: 'PUT', url: `${gallery}/images/form`, headers: formHeaders, payload: form })
  const query = `?reference=${encodeURIComponent(reference)}`
  const raw = { headers: { 'content-type': 'image/png' }, payload: one }
  await app.call(201, { method: 'PUT', url: `${gallery}/images/query${query}`, ...raw })
  for (const id of ['json', 'form', 'query']) {
    assert.equal(await referenceOf(app, id), reference)
    assert.deepEqual((await original(app, id)).rawPayload, one)
  }
  for (const [given, code] of [
    ['http://169.254.169.254/latest', 'url_not_allowed'],
    [`http://user:secret@${host}/a.png`, 'url_not_allowed'],
    ['s3://photos/a.png', 'source_not_allowed'],
    ['s3://photos/in/../a.png', 'reference_invalid'],
    ['s3://photos/in//a.png', 'reference_invalid'],
    ['s3://photos//a.png', 'reference_invalid'],
    ['s3://photos/./a.png', 'reference_invalid'],
    ['s3://photos/in/', 'reference_invalid'],
    ['s3://photos', 'reference_invalid'],
  ])
    assert.equal((await put(app, 422, 'b', { image: base64(two), reference: given })).code, code, given)
  for (const given of ['file:///etc/passwd', 'a.png', ''])
    assert.equal((await put(app, 400, 'b', { image: base64(two), reference: given })).code, 'request_invalid', given)
})

test('the query of a reference is used but never shown nor part of an id; an admin sees that there is one', async (t) => {
  const signature = 'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=s3cr3t'
  const { url, host } = await owner(t, { [`/a.png?${signature}`]: one, [`/b.png?v=1&${signature}`]: two })
  const keys = { admin: makeKey('owner', 'admin'), write: makeKey('writer', 'write'), read: makeKey('reader', 'read') }
  const as = (role: keyof typeof keys) => ({ authorization: `Bearer ${keys[role].key}` })
  const remote = openRemoteImages({
    urlAllowedHosts: host,
    urlTimeoutMs: 20_000,
    uploadMaxBytes: 1e6,
    allowLoopback: true,
  })
  const app = await startApp(
    t,
    {
      apiKeys: Object.values(keys)
        .map(({ line }) => line)
        .join(','),
    },
    remote,
  )
  await app.call(201, { method: 'PUT', url: gallery, headers: as('write'), payload: { originals: 'reference' } })
  const payload = { url: `${url}/a.png?${signature}` }
  const seen: string[] = []
  const ask = async (role: keyof typeof keys, { headers, ...rest }: InjectOptions) => {
    const { body } = await app.app.inject({ ...rest, headers: { ...as(role), ...headers } })
    seen.push(body)
    return JSON.parse(body)
  }
  assert.equal((await ask('write', { method: 'PUT', url: `${gallery}/images/a`, payload })).reference, `${url}/a.png`)
  const list = [`${url}/b.png?v=1&${signature}`, `${url}/none.png?${signature}`].join('\n')
  const job = await ask('write', {
    method: 'POST',
    url: `${gallery}/ingest`,
    headers: { 'content-type': 'text/uri-list' },
    payload: list,
  })
  await until(async () => (await ask('read', { url: `/v1/jobs/${job.id}` })).finishedAt !== null, 'the end of the job')
  const errors = await app.app.inject({ url: `/v1/jobs/${job.id}/errors`, headers: as('read') })
  assert.equal(JSON.parse(errors.body).name, `${url}/none.png`)
  for (const [role, hasQuery] of [
    ['read', undefined],
    ['write', undefined],
    ['admin', true],
  ] as const) {
    const record = await ask(role, { url: `${gallery}/images/a` })
    assert.deepEqual([record.reference, record.referenceHasQuery], [`${url}/a.png`, hasQuery], role)
    const { images } = await ask(role, { url: `${gallery}/images` })
    assert.deepEqual(
      (images as ShownImage[]).map(({ id, reference, referenceHasQuery: has }) => [id, reference, has]),
      [
        [`${host}/b.png?v=1`, `${url}/b.png`, hasQuery],
        ['a', `${url}/a.png`, hasQuery],
      ],
    )
  }
  const changed = await ask('write', { method: 'PATCH', url: `${gallery}/images/a`, payload: { label: 'circle' } })
  assert.equal(changed.reference, `${url}/a.png`)
  const whole = await app.app.inject({ url: `${gallery}/images/a/original`, headers: as('read') })
  assert.deepEqual(whole.rawPayload, one, 'read including its query string')
  for (const body of [...seen, errors.body]) assert.doesNotMatch(body, /s3cr3t/)
})

test('a picture without a reference is refused, unless the same content is already stored with one', async (t) => {
  const { url, host } = await owner(t, { '/a.png': one })
  const app = await referring(t, host)
  assert.equal((await put(app, 422, 'a', { image: base64(one) })).code, 'image_reference_missing')
  await put(app, 201, 'a', { image: base64(one), reference: `${url}/a.png` })
  const again = await put(app, 200, 'a', { image: base64(one), label: 'circle' })
  assert.equal(again.reference, `${url}/a.png`)
  assert.equal((await put(app, 422, 'a', { image: base64(two) })).code, 'image_reference_missing')
  await put(app, 200, 'a', { image: base64(one), reference: `${url}/other.png` })
  assert.equal(await referenceOf(app, 'a'), `${url}/other.png`, 'the same content may have moved')
})

test('a gallery that keeps originals stores given references, but not derived ones', async (t) => {
  const { url, host } = await owner(t, { '/a.png': one })
  const app = await referring(t, host)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/keeping' })
  const store = (payload: object) =>
    app.call<{ reference?: string }>(201, { method: 'POST', url: '/v1/galleries/keeping/images', payload })
  assert.equal((await store({ url: `${url}/a.png` })).reference, undefined)
  assert.equal((await store({ image: base64(two), reference: `${url}/b.png` })).reference, `${url}/b.png`)
  assert.equal((await keptFiles(app)).filter((path) => path.length > 64).length, 2)
})

test('lines, manifests and lists of addresses give references, or imply them', async (t) => {
  const { url, host } = await owner(t, { '/1.png': one, '/2.png': two, '/3.png': three })
  const app = await referring(t, host)
  const lines = [
    { add: { id: 'said', image: base64(one), reference: `${url}/1.png` } },
    { add: { id: 'fetched', url: `${url}/2.png` } },
    { add: { id: 'nowhere', image: base64(three) } },
    { add: { id: 'forbidden', image: base64(three), reference: 'http://10.0.0.1/3.png' } },
  ]
  const ndjson = Buffer.from(lines.map((line) => JSON.stringify(line)).join('\n'))
  const job = await endedJob(app, await sendJob(app, gallery, { 'content-type': 'application/x-ndjson' }, ndjson))
  assert.deepEqual([job.added, job.failed], [2, 2])
  const codes = (await errorsOf(app, job)).map(({ name, code }) => [name, code])
  assert.deepEqual(codes, [
    ['nowhere', 'image_reference_missing'],
    ['forbidden', 'url_not_allowed'],
  ])
  const archive = await tarOf([
    { path: 'manifest.csv', content: Buffer.from(`filename,label,reference,year\nx.png,cat,${url}/3.png,2024\n`) },
    { path: 'x.png', content: three },
  ])
  await endedJob(app, await sendJob(app, gallery, { 'content-type': 'application/x-tar' }, archive))
  await endedJob(app, await sendJob(app, gallery, { 'content-type': 'text/uri-list' }, Buffer.from(`${url}/1.png\n`)))
  const references = await Promise.all(
    ['said', 'fetched', 'x.png', encodeURIComponent(`${host}/1.png`)].map((id) => referenceOf(app, id)),
  )
  assert.deepEqual(
    references,
    [1, 2, 3, 1].map((n) => `${url}/${n}.png`),
  )
  const { metadata } = await app.call<{ metadata: object }>(200, { url: `${gallery}/images/x.png` })
  assert.deepEqual(metadata, { year: 2024 })
})

test('objects of a bucket and files of a watched folder get references automatically', async (t) => {
  let reads = 0
  const { endpoint, objects } = await bucketServer(t, {
    refuses({ method }) {
      if (method === 'GET') reads++
      return undefined
    },
  })
  ;(objects as Map<string, object>).set('photos/in/ä b.png', { bytes: one, putAt: new Date() })
  process.env.AWS_ACCESS_KEY_ID ??= 'test'
  process.env.AWS_SECRET_ACCESS_KEY ??= 'test'
  const folder = await temporaryFolder(t)
  await mkdir(join(folder, 'cat'))
  await writeFile(join(folder, 'cat', 'ü.png'), two)
  const buckets = { ingestS3Buckets: 'photos', ingestS3Endpoint: endpoint }
  const app = await referring(t, 'nowhere', {
    ...buckets,
    watchFolders: `g=${folder}`,
    watchEverySeconds: 1,
    watchSettleSeconds: 0,
  })
  const job = await app.call<Job>(202, {
    method: 'POST',
    url: `${gallery}/ingest/s3`,
    payload: { bucket: 'photos', prefix: 'in/' },
  })
  await endedJob(app, job)
  assert.equal(await referenceOf(app, encodeURIComponent('ä b.png')), 's3://photos/in/ä b.png')
  assert.deepEqual((await original(app, encodeURIComponent('ä b.png'))).rawPayload, one)
  const head = async (name: string) => {
    const { statusCode, headers } = await app.app.inject({ method: 'HEAD', url: `${gallery}/images/${name}/original` })
    return [statusCode, Number(headers['content-length'])]
  }
  reads = 0
  assert.deepEqual(await head(encodeURIComponent('ä b.png')), [200, one.length])
  ;(objects as Map<string, object>).set('photos/in/ä b.png', { bytes: one.subarray(1), putAt: new Date() })
  assert.equal((await head(encodeURIComponent('ä b.png')))[0], 409)
  assert.equal(reads, 0)

  const id = encodeURIComponent('cat/ü.png')
  await until(
    async () => (await app.app.inject(`${gallery}/images/${id}`)).statusCode === 200,
    'the file of the folder',
  )
  assert.match((await referenceOf(app, id))!, /^file:\/\/\/.*\/cat\/%C3%BC\.png$/)
  assert.deepEqual((await original(app, id)).rawPayload, two)
  assert.deepEqual(await head(id), [200, two.length])
  await rm(join(folder, 'cat', 'ü.png'))
  const gone = await original(app, id)
  assert.ok([404, 422].includes(gone.statusCode), 'reported as unreadable until the watch removes it')
  assert.deepEqual(await keptFiles(app), [])
})

test('another model embeds pictures from their references, and reports changed ones individually', async (t) => {
  const paths = pictures.map((_, i) => `/${i}.png`)
  const { url, host, files } = await owner(t, Object.fromEntries(paths.map((path, i) => [path, pictures[i]!])))
  const app = await referring(t, host)
  await installModel(app, (await handmadeModel(t, { inputSize: 16, dimension: 12, name: 'twelve' })).folder)
  for (const path of paths) await put(app, 201, path.slice(1), { url: `${url}${path}`, label: 'circle' })
  files['/1.png'] = await drawImage('square', 9)
  delete files['/2.png']
  const payload = { model: 'twelve', withoutOriginal: 'leave_out' }
  const job = await app.call<Job>(202, { method: 'POST', url: `${gallery}/sets`, payload })
  const done = await until(async () => {
    const now = await app.call<Job>(200, { url: `/v1/jobs/${job.id}` })
    return now.finishedAt !== null && now
  }, 'the end of the job')
  assert.deepEqual([done.state, done.added, done.failed], ['completed_with_errors', 2, 2])
  const lines = (await errorsOf(app, job)).map(({ name, code }) => [name, code])
  assert.deepEqual(lines, [
    ['1.png', 'original_changed'],
    ['2.png', 'url_unreachable'],
  ])
  await app.call(200, { method: 'PUT', url: `${gallery}/serving`, payload: { model: 'twelve', force: true } })
  assert.equal(await referenceOf(app, '0.png'), `${url}/0.png`)
  assert.equal((await app.app.inject(`${gallery}/images/1.png`)).statusCode, 404)
})

test('if no picture may be left out, a server that is briefly down is waited for, and a missing picture fails the job', async (t) => {
  const paths = pictures.map((_, i) => `/${i}.png`)
  const { url, host, files, answers } = await owner(t, Object.fromEntries(paths.map((path, i) => [path, pictures[i]!])))
  const app = await referring(t, host)
  await installModel(app, (await handmadeModel(t, { inputSize: 16, dimension: 12, name: 'twelve' })).folder)
  for (const path of paths) await put(app, 201, path.slice(1), { url: `${url}${path}`, label: 'circle' })
  const built = async () => {
    const job = await app.call<Job>(202, { method: 'POST', url: `${gallery}/sets`, payload: { model: 'twelve' } })
    return until(async () => {
      const now = await app.call<Job>(200, { url: `/v1/jobs/${job.id}` })
      return now.finishedAt !== null && now
    }, 'the end of the job')
  }
  delete files['/1.png']
  files['/2.png'] = await drawImage('square', 9)
  const failed = await built()
  assert.deepEqual([failed.state, failed.failure?.code, failed.added], ['failed', 'originals_missing', 2])
  assert.deepEqual(
    (await errorsOf(app, failed)).map(({ item, name, code }) => [item, name, code]),
    [
      [1, '1.png', 'url_unreachable'],
      [2, '2.png', 'original_changed'],
    ],
  )
  files['/1.png'] = two
  files['/2.png'] = three
  // more often than a picture is requested in one go
  answers.away = 8
  const done = await built()
  assert.deepEqual([done.state, done.added, done.failed, answers.away], ['succeeded', 2, 0, 0])
  await app.call(200, { method: 'PUT', url: `${gallery}/serving`, payload: { model: 'twelve', force: true } })
  assert.equal(await referenceOf(app, '1.png'), `${url}/1.png`)
})

test('originals stay when a gallery stops keeping them, until they are released; another gallery’s are never shown', async (t) => {
  const app = await startApp(t)
  const patch = (status: number, payload: object) =>
    app.call<{ code: string; originals: string; holdsOriginals: boolean }>(status, {
      method: 'PATCH',
      url: gallery,
      payload,
    })
  await app.call(201, { method: 'PUT', url: gallery })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/none', payload: { originals: 'none' } })
  assert.equal(
    (await app.call(409, { method: 'PUT', url: gallery, payload: { originals: 'none' } })).code,
    'gallery_exists',
  )
  await app.call(200, { method: 'PUT', url: gallery })
  await put(app, 201, 'a', { image: base64(one) })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/none/images/a', payload: { image: base64(one) } })
  const ofOther = await app.app.inject('/v1/galleries/none/images/a/original')
  assert.deepEqual([ofOther.statusCode, ofOther.json().code], [404, 'original_not_kept'])

  const stopped = await patch(200, { originals: 'none' })
  assert.deepEqual([stopped.originals, stopped.holdsOriginals], ['none', true])
  await put(app, 201, 'b', { image: base64(two) })
  assert.equal((await original(app, 'a')).statusCode, 200)
  assert.equal((await original(app, 'b')).statusCode, 404)
  assert.equal((await patch(400, { originals: 'keep', releaseOriginals: true })).code, 'request_invalid')
  assert.equal((await patch(400, {})).code, 'request_invalid')

  const released = await patch(200, { releaseOriginals: true })
  assert.deepEqual([released.originals, released.holdsOriginals], ['none', false])
  assert.equal((await original(app, 'a')).json().code, 'original_not_kept')
  const kept = await patch(200, { originals: 'keep' })
  assert.deepEqual([kept.originals, kept.holdsOriginals], ['keep', true])
  assert.equal((await original(app, 'a')).statusCode, 200, 'nothing had collected it yet')
  await app.close()
  const reopened = await startApp(t, app.config)
  const { originals, holdsOriginals } = await reopened.call<{ originals: string; holdsOriginals: boolean }>(200, {
    url: gallery,
  })
  assert.deepEqual([originals, holdsOriginals], ['keep', true])
})

test('released originals are collected, unless another gallery uses them', async (t) => {
  const first = await startApp(t)
  for (const [name, image] of [
    ['g', one],
    ['g', two],
    ['other', two],
  ] as const) {
    await first.app.inject({ method: 'PUT', url: `/v1/galleries/${name}` })
    await first.call(201, { method: 'POST', url: `/v1/galleries/${name}/images`, payload: { image: base64(image) } })
  }
  await first.call(200, { method: 'PATCH', url: gallery, payload: { originals: 'none', releaseOriginals: true } })
  await first.close()
  const old = new Date(Date.now() - 7_200_000)
  const files = (await keptFiles(first)).filter((path) => path.length > 64)
  for (const path of files) await utimes(join(first.config.dataDir, 'originals', path), old, old)
  const second = await startApp(t, first.config)
  await until(async () => (await keptFiles(second)).filter((path) => path.length > 64).length === 1, 'the collection')
  const { images } = await second.call(200, { url: '/v1/galleries/other/images' })
  assert.equal((await second.app.inject(`/v1/galleries/other/images/${images[0]!.id}/original`)).statusCode, 200)
})

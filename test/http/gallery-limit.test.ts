/** `maxImages`: how many pictures a gallery may hold, over HTTP and in jobs. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeKey } from '../../src/access/api-keys.js'
import { openRemoteImages } from '../../src/remote/remote-images.js'
import { startApp, type TestApp } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawImage } from '../support/drawn-images.js'
import { imageServer } from '../support/image-server.js'
import { endedJob, errorsOf, sendJob } from '../support/jobs.js'

const url = '/v1/galleries/customer'
const lines = { 'content-type': 'application/x-ndjson' }
const drawn = (n: number) => drawImage('circle', n, { format: 'png' })

async function put(app: TestApp, id: string, status: number, { seed = 1, headers = {} } = {}) {
  const request = { method: 'PUT', url: `${url}/images/${id}`, payload: await drawn(seed) } as const
  return app.call(status, { ...request, headers: { 'content-type': 'image/png', ...headers } })
}

const countOf = async (app: TestApp) => (await app.call(200, { url })).count

/** Pictures that went through the model so far. */
async function embeddedBy({ app }: TestApp): Promise<number> {
  return Number(/^alike_embed_batch_size_sum (\d+)$/m.exec((await app.inject('/metrics')).body)?.[1] ?? 0)
}

test('a new picture beyond the limit is refused, before it is decoded; stored ones can be replaced, changed and deleted', async (t) => {
  const app = await startApp(t)
  const { maxImages } = await app.call(201, { method: 'PUT', url, payload: { maxImages: 2 } })
  assert.equal(maxImages, 2)
  await put(app, 'a', 201)
  await put(app, 'b', 201, { seed: 2 })
  const before = await embeddedBy(app)
  const { code, detail } = await put(app, 'c', 409, { seed: 3 })
  assert.equal(code, 'gallery_full')
  assert.match(detail ?? '', /2 pictures/)
  await put(app, 'c', 412, { seed: 3, headers: { 'if-match': '"none"' } })
  assert.equal(await embeddedBy(app), before)
  await put(app, 'a', 200, { seed: 4 })
  await app.call(200, { method: 'PATCH', url: `${url}/images/a`, payload: { label: 'changed' } })
  const described = await app.call(200, { url })
  assert.deepEqual([described.maxImages, described.count], [2, 2])
  const metrics = (await app.app.inject('/metrics')).body
  assert.match(metrics, /^alike_gallery_max_images\{gallery="customer"\} 2$/m)
  await app.call(204, { method: 'DELETE', url: `${url}/images/b` })
  await put(app, 'c', 201, { seed: 3 })
})

test('the limit is changed and lifted by an administrator, not by whoever may write', async (t) => {
  const [owner, customer] = [makeKey('owner', 'admin'), makeKey('customer', 'write', { galleries: ['customer'] })]
  const app = await startApp(t, { apiKeys: `${owner.line},${customer.line}` })
  const by = ({ key }: { key: string }) => ({ authorization: `Bearer ${key}` })
  await app.call(201, { method: 'PUT', url, headers: by(owner), payload: { maxImages: 0 } })
  const change = (status: number, key: { key: string }, maxImages: unknown) =>
    app.call(status, { method: 'PATCH', url, headers: by(key), payload: { maxImages } })
  await put(app, 'a', 409, { headers: by(customer) })
  for (const raised of [10, null]) assert.equal((await change(403, customer, raised)).code, 'forbidden')
  for (const payload of [{ maxImages: 10 }, { maxImages: null }])
    assert.equal((await app.call(409, { method: 'PUT', url, headers: by(customer), payload })).code, 'gallery_exists')
  await app.call(403, { method: 'DELETE', url, headers: by(customer) })
  assert.equal((await app.call(200, { url, headers: by(customer) })).maxImages, 0)
  for (const wrong of [-1, 1.5, '3']) await change(400, owner, wrong)
  assert.equal((await change(200, owner, 1)).maxImages, 1)
  await put(app, 'a', 201, { headers: by(customer) })
  await put(app, 'b', 409, { headers: by(customer) })
  assert.ok(!('maxImages' in (await change(200, owner, null))))
  await put(app, 'b', 201, { headers: by(customer) })
  assert.ok(!(await app.app.inject({ url: '/metrics', headers: by(owner) })).body.includes('max_images{'))
})

test('a job stores what there is room for; every other new picture is a line of its report, and few are decoded', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url, payload: { maxImages: 5 } })
  const content = await Promise.all(Array.from({ length: 8 }, (_, n) => drawn(n)))
  const entries = Array.from({ length: 600 }, (_, n) => ({ path: `${n}.png`, content: content[n % 8]! }))
  const tar = { 'content-type': 'application/x-tar' }
  const before = await embeddedBy(app)
  const job = await endedJob(app, await sendJob(app, url, tar, await tarOf(entries)))
  assert.deepEqual([job.state, job.added, job.failed], ['completed_with_errors', 5, 595])
  assert.ok((await embeddedBy(app)) - before < 300)
  const report = await errorsOf(app, job)
  assert.deepEqual(
    [...new Set(report.map(({ code, detail }) => `${code}: ${detail}`))],
    ['gallery_full: The gallery holds the maximum number of pictures. The maximum is 5 pictures.'],
  )
  assert.equal(report.length, 595)
  const { images } = await app.call(200, { url: `${url}/images` })
  assert.deepEqual(images.map(({ id }) => id).sort(), ['0.png', '1.png', '2.png', '3.png', '4.png'])

  const again = [...entries.slice(5, 10), { path: '2.png', content: await drawn(99) }]
  const second = await endedJob(app, await sendJob(app, url, tar, await tarOf(again)))
  assert.deepEqual([second.added, second.updated, second.failed], [0, 1, 5])
  const third = await endedJob(app, await sendJob(app, url, tar, await tarOf([...entries.slice(5, 10), entries[5]!])))
  assert.deepEqual([third.state, third.failure?.code], ['failed', 'job_items_failed'])
  assert.deepEqual([third.failed, third.replaced], [6, 0], 'what is refused replaces nothing')
  assert.ok((await errorsOf(app, third)).every(({ code }) => code === 'gallery_full'))
})

test('lines of one upload make room for those after them', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url, payload: { maxImages: 3 } })
  const image = (await drawn(1)).toString('base64')
  const add = (n: number) => JSON.stringify({ add: { id: `p${n}`, image } })
  const first = [...Array.from({ length: 400 }, (_, n) => add(n))]
  // each replaces a stored picture by a new one
  const swaps = Array.from({ length: 60 }, (_, n) => [
    JSON.stringify({ delete: { id: `p${n === 0 ? 0 : 1_000 + n - 1}` } }),
    add(1_000 + n),
  ]).flat()
  const patch = JSON.stringify({ patch: { id: 'p1', label: 'patched' } })
  const upload = [...first, patch, ...swaps, add(2_000)].join('\n')
  const job = await endedJob(app, await sendJob(app, url, lines, Buffer.from(upload)))
  assert.deepEqual([job.added, job.updated, job.removed, job.failed], [63, 1, 60, 398])
  const { images } = await app.call(200, { url: `${url}/images` })
  assert.deepEqual(images.map(({ id, label }) => [id, label]).sort(), [
    ['p1', 'patched'],
    ['p1059', null],
    ['p2', null],
  ])
})

test('pictures for which there is no room are not fetched', async (t) => {
  const picture = await drawn(1)
  const paths = Array.from({ length: 500 }, (_, n) => `/${n}.png`)
  const server = await imageServer(
    t,
    Object.fromEntries(paths.map((path) => [path, (response) => response.end(picture)])),
  )
  const remote = openRemoteImages({
    urlAllowedHosts: server.host,
    urlTimeoutMs: 20_000,
    uploadMaxBytes: 1e6,
    allowLoopback: true,
  })
  const app = await startApp(t, {}, remote)
  await app.call(201, { method: 'PUT', url, payload: { maxImages: 1 } })
  const list = Buffer.from(paths.map((path) => `${server.url}${path}`).join('\n'))
  const job = await endedJob(app, await sendJob(app, url, { 'content-type': 'text/uri-list' }, list))
  assert.deepEqual([job.added, job.failed], [1, 499])
  assert.ok(server.requests.length < 300, `${server.requests.length} fetched`)
})

test('of many requests at once as many are stored as there is room for', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url, payload: { maxImages: 7 } })
  const payload = await drawn(1)
  const statuses = await Promise.all(
    Array.from({ length: 30 }, async (_, n) => {
      const request = { method: 'PUT', url: `${url}/images/${n}`, payload } as const
      return (await app.app.inject({ ...request, headers: { 'content-type': 'image/png' } })).statusCode
    }),
  )
  assert.equal(statuses.filter((status) => status === 201).length, 7)
  assert.equal(statuses.filter((status) => status === 409).length, 23)
  assert.equal(await countOf(app), 7)
})

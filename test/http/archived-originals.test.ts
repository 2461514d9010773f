/** Originals that their S3 store does not return: moved to an archive, as a lifecycle rule may, or forbidden. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openRemoteImages } from '../../src/remote/remote-images.js'
import { type Answer, startApp, type TestApp } from '../support/app.js'
import { bucketServer } from '../support/bucket-server.js'
import { drawImage } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { imageServer } from '../support/image-server.js'
import { installModel } from '../support/installed-model.js'
import { endedJob, errorsOf, type Job } from '../support/jobs.js'

const gallery = '/v1/galleries/g'
const pictures = await Promise.all([1, 2].map((n) => drawImage('circle', n, { format: 'png' })))
process.env.AWS_ACCESS_KEY_ID ??= 'test'
process.env.AWS_SECRET_ACCESS_KEY ??= 'test'

const put = (app: TestApp, status: number, n: number, query = '') =>
  app.call<{ contentHash: string }>(status, {
    method: 'PUT',
    url: `${gallery}/images/${n}${query}`,
    payload: pictures[n]!,
    headers: { 'content-type': 'image/png' },
  })

test('an archived original is refused with a code, omitted by a change of model, and readable again once stored again', async (t) => {
  let archived = 'none'
  const { endpoint } = await bucketServer(t, {
    refuses({ method, url = '', headers }) {
      if (!url.includes(archived)) return undefined
      const isRead = method === 'GET' || headers['x-amz-copy-source'] !== undefined
      if (method === 'PUT' && !isRead) archived = 'none'
      return isRead ? 'InvalidObjectState' : undefined
    },
  })
  const app = await startApp(t, { originalsS3Bucket: 'kept', originalsS3Endpoint: endpoint })
  await app.call(201, { method: 'PUT', url: gallery })
  await installModel(app, (await handmadeModel(t, { inputSize: 16, dimension: 12, name: 'twelve' })).folder)
  for (const n of pictures.keys()) await put(app, 201, n)
  archived = (await app.call<{ contentHash: string }>(200, { url: `${gallery}/images/1` })).contentHash

  const original = `${gallery}/images/1/original`
  assert.equal((await app.call(409, { url: original })).code, 'original_unreadable')
  const payload = { model: 'twelve', withoutOriginal: 'leave_out' }
  const job = await endedJob(app, await app.call<Job>(202, { method: 'POST', url: `${gallery}/sets`, payload }))
  assert.deepEqual([job.state, job.added, job.failed], ['completed_with_errors', 1, 1])
  assert.deepEqual(
    (await errorsOf(app, job)).map(({ name, code }) => [name, code]),
    [['1', 'original_unreadable']],
  )

  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 3_600_000 })
  await put(app, 200, 1)
  assert.equal((await app.app.inject(original)).statusCode, 200)
})

test('an original that its store denies is unreadable while the store returns others; otherwise the store is waited for', async (t) => {
  let [refused, all, times] = ['none', false, Number.POSITIVE_INFINITY]
  const { endpoint } = await bucketServer(t, {
    refuses({ method, url = '' }) {
      const isRefused = all || new URL(url, 'http://bucket').pathname.includes(refused)
      return method !== 'PUT' && isRefused && times-- > 0 ? 'AccessDenied' : undefined
    },
  })
  const app = await startApp(t, { originalsS3Bucket: 'kept', originalsS3Endpoint: endpoint })
  await app.call(201, { method: 'PUT', url: gallery })
  await installModel(app, (await handmadeModel(t, { inputSize: 16, dimension: 12, name: 'twelve' })).folder)
  for (const n of pictures.keys()) await put(app, 201, n)
  const codeOf = async (n: number) => (await app.app.inject(`${gallery}/images/${n}/original`)).json<Answer>().code
  for (const n of pictures.keys()) {
    refused = (await app.call<{ contentHash: string }>(200, { url: `${gallery}/images/${n}` })).contentHash
    assert.equal(await codeOf(n), 'original_unreadable')
    await put(app, 200, n) // it is stored again, whether it can be read or not
  }
  const payload = { model: 'twelve', withoutOriginal: 'leave_out' }
  const job = await endedJob(app, await app.call<Job>(202, { method: 'POST', url: `${gallery}/sets`, payload }))
  assert.deepEqual([job.state, job.added, job.failed], ['completed_with_errors', 1, 1])
  times = 1 // access is granted in the meantime
  assert.equal((await app.app.inject(`${gallery}/images/1/original`)).statusCode, 200)
  all = true
  times = Number.POSITIVE_INFINITY
  for (const n of pictures.keys()) assert.equal(await codeOf(n), 'store_unreachable')
})

const refusals = [
  ['archived', 'InvalidObjectState', ['GET']],
  ['denied', 'AccessDenied', ['GET', 'HEAD']],
] as const
for (const [what, code, methods] of refusals)
  test(`an original that is ${what} is read from its reference`, async (t) => {
    let refused = 'none'
    const { endpoint } = await bucketServer(t, {
      refuses: ({ method, url = '' }) =>
        new URL(url, 'http://bucket').pathname.includes(refused) && methods.some((one) => one === method)
          ? code
          : undefined,
    })
    const { url, host } = await imageServer(t, { '/0.png': (response) => response.end(pictures[0]) })
    const fetching = { urlAllowedHosts: host, urlTimeoutMs: 20_000, uploadMaxBytes: 1e6, allowLoopback: true }
    const settings = { originalsS3Bucket: 'kept', originalsS3Endpoint: endpoint }
    const app = await startApp(t, settings, openRemoteImages(fetching))
    await app.call(201, { method: 'PUT', url: gallery })
    await installModel(app, (await handmadeModel(t, { inputSize: 16, dimension: 12, name: 'twelve' })).folder)
    refused = (await put(app, 201, 0, `?reference=${encodeURIComponent(`${url}/0.png`)}`)).contentHash
    await put(app, 201, 1)
    const answer = await app.app.inject({ url: `${gallery}/images/0/original`, headers: { range: 'bytes=1-3' } })
    assert.deepEqual([answer.statusCode, answer.rawPayload], [206, pictures[0]!.subarray(1, 4)])
    const job = await app.call<Job>(202, { method: 'POST', url: `${gallery}/sets`, payload: { model: 'twelve' } })
    assert.equal((await endedJob(app, job)).added, 2)
  })

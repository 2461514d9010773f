/** What a refusal says: where the fault is, what is allowed, and who is to blame. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { jobKinds, jobStates } from '../../src/jobs/job.js'
import { type Answer, startApp, type TestApp, temporaryFolder } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawImage } from '../support/drawn-images.js'
import { formBody, formHeaders } from '../support/forms.js'
import { endedJob, type Job, sendJob } from '../support/jobs.js'
import { forgetUploads } from '../support/stored-rows.js'
import { until } from '../support/until.js'

const search = '/v1/galleries/g/search'
const jpeg = { 'content-type': 'image/jpeg' }
const json = { 'content-type': 'application/json' }
const ingest = '/v1/galleries/g/ingest'

async function appWithGallery(t: TestContext): Promise<TestApp> {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  await app.call(201, {
    method: 'PUT',
    url: '/v1/galleries/g/images/kept',
    headers: jpeg,
    payload: await drawImage('circle', 1),
  })
  return app
}

test('a fault is located where it was sent: in the URL, in a form, or in the body', async (t) => {
  const app = await appWithGallery(t)
  const content = await drawImage('circle', 1)
  const form = (name: string, value: string) => ({
    headers: formHeaders,
    payload: formBody([
      { name, content: value },
      { name: 'image', filename: 'a.jpg', content },
    ]),
  })
  const post = (url: string, more: object) => ({ method: 'POST', url, ...more }) as const
  const rows: [request: Parameters<TestApp['call']>[1], misfit: [string, string]][] = [
    [post(search, { payload: { imageId: 'kept', groupBy: 'label', offset: 400, k: 400 } }), ['body', '/offset']],
    [post(search, { payload: { imageId: 'kept', groupBy: 'label', k: 600 } }), ['body', '/k']],
    [post(search, { payload: { imageId: 'kept', falseMatchRate: 0.1 } }), ['body', '/falseMatchRate']],
    [post(search, { payload: { imageId: 'kept', region: { x: 0, y: 0, width: 1, height: 1 } } }), ['body', '/region']],
    [post(search, { payload: { imageId: 'kept', groupBy: 'label', diversity: 0.5 } }), ['body', '/diversity']],
    [post(`${search}?diversity=0.5`, { payload: { imageId: 'kept', groupBy: 'label' } }), ['query', '/diversity']],
    [post(`${search}?offset=400&k=400&groupBy=label`, { headers: jpeg, payload: content }), ['query', '/offset']],
    [post(search, form('falseMatchRate', '0.1')), ['form', '/falseMatchRate']],
    [post(search, form('k', 'many')), ['form', '/k']],
    [post(`${search}?falseMatchRate=0.1`, form('k', '3')), ['query', '/falseMatchRate']],
    [post(search, { payload: { images: ['aGk=', '§§§ no base64 §§§'] } }), ['body', '/images/1']],
    [
      { method: 'PUT', url: '/v1/galleries/g/images/kept?metadata=5', headers: jpeg, payload: content },
      ['query', '/metadata'],
    ],
    [{ method: 'PUT', url: '/v1/galleries/g/images/kept', ...form('metadata', '{') }, ['form', '/metadata']],
  ]
  for (const [request, misfit] of rows) {
    const { errors } = await app.call(400, request)
    assert.deepEqual(
      errors?.map((one) => [one.in, one.pointer]),
      [misfit],
      JSON.stringify(request).slice(0, 200),
    )
  }
})

test('if only a few values are allowed, they are listed', async (t) => {
  const app = await appWithGallery(t)
  const detailOf = async (request: Parameters<TestApp['call']>[1]) => (await app.call(400, request)).errors?.[0]?.detail
  assert.equal(
    await detailOf({ method: 'POST', url: search, payload: { imageId: 'kept', include: ['colours'] } }),
    'must be one of metadata, thumbnail, vector, hitVectors, durations',
  )
  assert.equal(await detailOf({ url: '/v1/jobs?state=gone' }), `must be one of ${jobStates.join(', ')}`)
})

test('a parameter that is no list and given twice is reported as repeated', async (t) => {
  const app = await appWithGallery(t)
  for (const [url, pointer] of [
    ['/v1/galleries?limit=1&limit=2', '/limit'],
    ['/v1/galleries/g/images?filter=a&filter=b', '/filter'],
  ] as const) {
    const { errors } = await app.call(400, { url })
    assert.deepEqual(errors, [{ in: 'query', pointer, detail: 'must not be repeated' }])
  }
})

test('jobs of all kinds in all states can be asked for at once', async (t) => {
  const app = await appWithGallery(t)
  const query = [...jobKinds.map((kind) => `kind=${kind}`), ...jobStates.map((state) => `state=${state}`)].join('&')
  assert.deepEqual(await app.call(200, { url: `/v1/jobs?${query}` }), { jobs: [] })
})

test('truncated JSON is reported with its position, without its content', async (t) => {
  const app = await appWithGallery(t)
  const { detail, errors } = await app.call(400, {
    method: 'POST',
    url: search,
    headers: json,
    payload: '{"secret": 1,}',
  })
  assert.match(String(detail), /^The body is no JSON: .* character 14\.$/)
  assert.equal(errors?.[0]?.in, 'body')
  const nothing = await app.call(400, { method: 'PATCH', url: '/v1/galleries/g', headers: json, payload: '' })
  assert.equal(nothing.detail, 'The body is empty.')
  assert.doesNotMatch(JSON.stringify(app.log), /secret/)
})

test('null stores a picture without a label, and removes the label in a change', async (t) => {
  const app = await appWithGallery(t)
  const image = (await drawImage('circle', 2)).toString('base64')
  assert.equal(
    (await app.call(201, { method: 'PUT', url: '/v1/galleries/g/images/a', payload: { image, label: null } })).label,
    null,
  )
  await app.call(200, { method: 'PATCH', url: '/v1/galleries/g/images/a', payload: { label: 'x' } })
  assert.equal(
    (await app.call(200, { method: 'PUT', url: '/v1/galleries/g/images/a', payload: { image, label: null } })).label,
    null,
  )
})

test('an idempotency key returns the job of the same upload; with another upload it is refused', async (t) => {
  const app = await appWithGallery(t)
  const archive = async (label: string) => tarOf([{ path: `${label}/a.jpg`, content: await drawImage('cross', 1) }])
  const tar = { 'content-type': 'application/x-tar', 'idempotency-key': 'upload 7' }
  const form = { ...formHeaders, 'idempotency-key': 'form 7' }
  const files = (name: string) => formBody([{ name: 'image', filename: name, content: Buffer.from('a') }])
  const send = (status: number, headers: object, payload: Buffer, url = ingest) =>
    app.call<Job & Answer>(status, { method: 'POST', url, headers: { ...headers }, payload })
  const sent = await archive('x')
  const first = await send(202, tar, sent)
  assert.equal((await send(202, tar, sent)).id, first.id)
  assert.equal((await send(422, tar, await archive('y'))).code, 'idempotency_key_reused')
  assert.equal((await send(422, tar, sent, `${ingest}?label=z`)).code, 'idempotency_key_reused')
  assert.equal(
    (await send(422, { ...tar, 'content-type': 'application/x-ndjson' }, Buffer.from('{}'))).code,
    'idempotency_key_reused',
  )
  const filed = await send(202, form, files('a.jpg'))
  assert.equal((await send(202, form, files('a.jpg'))).id, filed.id)
  assert.equal((await send(422, form, files('b.jpg'))).code, 'idempotency_key_reused')
  assert.equal((await app.call(200, { url: '/v1/jobs' })).jobs.length, 2)
})

test('an upload that is repeated after an update returns the job of an older version, which did not record its size', async (t) => {
  const dataDir = await temporaryFolder(t)
  const before = await startApp(t, { dataDir })
  await before.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const request = {
    method: 'POST' as const,
    url: ingest,
    headers: { 'content-type': 'application/x-tar', 'idempotency-key': 'nightly' },
    payload: await tarOf([{ path: 'x/a.jpg', content: await drawImage('cross', 1) }]),
  }
  const { id } = await endedJob(before, await before.call<Job>(202, request))
  await before.close()
  forgetUploads(dataDir)

  const app = await startApp(t, { dataDir })
  assert.equal((await app.call(202, request)).id, id)
  assert.equal((await app.call(422, { ...request, url: `${ingest}?label=z` })).code, 'idempotency_key_reused')
})

test('an unusable upload is not logged as an error of the service', async (t) => {
  const app = await appWithGallery(t)
  const damaged = Buffer.concat([
    (await tarOf([{ path: 'x/a.jpg', content: await drawImage('cross', 1) }])).subarray(0, 1_200),
    Buffer.alloc(600, 1),
  ])
  const job = await endedJob(
    app,
    await sendJob(app, '/v1/galleries/g', { 'content-type': 'application/x-tar' }, damaged),
  )
  assert.equal(job.state, 'failed')
  // The end is stored before it is logged.
  const line = await until(() => app.log.find(({ msg }) => msg === 'job failed'))
  assert.equal(line.level, 40)
})

test('a request whose URL cannot be decoded is logged and counted like any other', async (t) => {
  const app = await startApp(t)
  const refusal = await app.call<{ detail: string }>(400, { url: '/v1/galleries/g/images/%ff%fe' })
  assert.match(refusal.detail, /percent-encoded UTF-8/)
  assert.match(
    (await app.app.inject('/metrics')).body,
    /alike_http_requests_total\{method="GET",route="unmatched",status="400"\} 1/,
  )
  assert.ok(app.log.some(({ code, msg }) => code === 'request_invalid' && msg === 'request refused'))
})

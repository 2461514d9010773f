import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Static } from 'typebox'
import type { SearchBatchAnswer } from '../../src/http/schemas/search-batch.js'
import { startApp, type TestApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'

const png = { 'content-type': 'image/png' }
const draw = (seed: number) => drawImage('square', seed, { format: 'png' })
const url = '/v1/galleries/shapes/search/batch'

async function filledApp(t: TestContext, overrides = {}): Promise<TestApp> {
  const app = await startApp(t, overrides)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/shapes' })
  for (const seed of [1, 2, 3, 4])
    await app.call(201, {
      method: 'PUT',
      url: `/v1/galleries/shapes/images/${seed}?label=square`,
      headers: png,
      payload: await draw(seed),
    })
  return app
}

const batch = (app: TestApp, queries: unknown[]) =>
  app.call<Static<typeof SearchBatchAnswer>>(200, { method: 'POST', url, payload: { queries } })

test('each query gets the same answer as alone, in order', async (t) => {
  const app = await filledApp(t)
  const image = (await draw(2)).toString('base64')
  const queries = [
    { imageId: '1' },
    { image, k: 2 },
    { like: ['1', '2'], groupBy: 'label' },
    { imageId: '3', vote: 2, include: ['vector', 'metadata'] },
    ...Array.from({ length: 60 }, (_, i) => ({ imageId: String((i % 4) + 1), k: 3 })),
  ]
  const { answers } = await batch(app, queries)
  assert.equal(answers.length, 64)
  for (const [i, payload] of queries.entries()) {
    const { durations: _alone, ...alone } = await app.call(200, {
      method: 'POST',
      url: '/v1/galleries/shapes/search',
      payload,
    })
    const { durations, ...answer } = answers[i]!.answer!
    assert.ok(durations.totalMs >= 0)
    assert.deepEqual(answer, alone)
  }
  const text = (await app.app.inject('/metrics')).body
  assert.match(text, /alike_searches_total\{method="exact"\} 128/)
})

test('a bad query has its own problem and does not affect the others', async (t) => {
  const app = await filledApp(t)
  const { answers } = await batch(app, [
    { imageId: '1' },
    { imageId: 'none' },
    { imageId: '1', k: 0 },
    { colour: 'red' },
    {},
    { image: 'AAAA' },
    { image: '!' },
    { imageId: '1', filter: { field: 'x' } },
    { imageId: '1', minPSame: 0.5 },
    { imageId: '1', groupBy: 'label', diversity: 1 },
    { image: 'AAAA', images: Array(8).fill('AAAA') },
    { imageId: '2' },
  ])
  assert.deepEqual(
    answers.map(({ answer, problem }) => answer?.hits.length ?? problem?.code),
    [
      3,
      'image_not_found',
      'request_invalid',
      'request_invalid',
      'image_missing',
      'image_unreadable',
      'request_invalid',
      'filter_invalid',
      'model_not_calibrated',
      'request_invalid',
      'request_invalid',
      3,
    ],
  )
  assert.deepEqual(
    answers[2]!.problem!.errors?.map((error) => [error.in, error.pointer]),
    [['body', '/k']],
  )
  assert.deepEqual([answers[1]!.problem!.status, answers[9]!.problem!.errors?.[0]?.in], [404, 'body'])
  assert.ok(answers.every(({ answer, problem }) => (answer === undefined) !== (problem === undefined)))
})

test('no queries, too many, too many bytes and other bodies are refused as a whole', async (t) => {
  const app = await filledApp(t, { uploadMaxBytes: 20_000 })
  const refused = async (status: number, request: object) =>
    (await app.call(status, { method: 'POST', url, ...request })).code
  assert.equal(await refused(400, { payload: { queries: [] } }), 'request_invalid')
  assert.equal(
    await refused(400, { payload: { queries: Array.from({ length: 65 }, () => ({ imageId: '1' })) } }),
    'request_invalid',
  )
  assert.equal(await refused(400, { payload: { queries: ['1'] } }), 'request_invalid')
  assert.equal(await refused(400, { payload: { queries: [{ imageId: '1' }], k: 3 } }), 'request_invalid')
  assert.equal(await refused(413, { payload: { queries: [{ image: 'A'.repeat(200_000) }] } }), 'body_too_large')
  assert.equal(await refused(415, { headers: png, payload: await draw(1) }), 'media_type_unsupported')
  assert.equal(
    await refused(404, { url: '/v1/galleries/none/search/batch', payload: { queries: [{ imageId: '1' }] } }),
    'gallery_not_found',
  )
})

test('a batch needs only one free place, and frees every place it takes', async (t) => {
  const app = await filledApp(t, { requestsMax: 1 })
  for (let round = 0; round < 3; round++) {
    const { answers } = await batch(
      app,
      Array.from({ length: 12 }, () => ({ imageId: '1', k: 1 })),
    )
    assert.ok(answers.every(({ answer }) => answer?.hits.length === 1))
  }
  const wide = await filledApp(t, { requestsMax: 3 })
  await Promise.all(
    [1, 2].map(() =>
      batch(
        wide,
        Array.from({ length: 12 }, () => ({ imageId: '1', k: 1 })),
      ),
    ),
  )
  assert.match((await wide.app.inject('/metrics')).body, /alike_requests_in_flight 0/)
})

test('each query counts towards the request limit, and those beyond it get a retry time', async (t) => {
  const app = await filledApp(t, { rateLimitPerMinute: 8 }) // five of them fill the gallery
  const response = await app.app.inject({
    method: 'POST',
    url,
    payload: { queries: Array.from({ length: 5 }, () => ({ imageId: '1', k: 1 })) },
  })
  const { answers } = response.json<Static<typeof SearchBatchAnswer>>()
  assert.equal(answers.filter(({ answer }) => answer !== undefined).length, 3)
  assert.deepEqual(
    answers.filter(({ problem }) => problem !== undefined).map(({ problem }) => [problem!.code, problem!.status]),
    [
      ['rate_limited', 429],
      ['rate_limited', 429],
    ],
  )
  assert.ok(Number(response.headers['retry-after']) >= 1)
})

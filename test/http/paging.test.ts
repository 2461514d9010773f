import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { makeKey } from '../../src/access/api-keys.js'
import type { Config } from '../../src/config/config.js'
import { type Answer, startApp, type TestApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'

const png = { 'content-type': 'image/png' }
const url = '/v1/galleries/shapes/search'
type Paged = Answer & { nextPageToken?: string }

/** Twelve pictures. */
async function filledApp(
  t: TestContext,
  overrides: Partial<Config> = {},
  headers: Record<string, string> = {},
): Promise<TestApp> {
  const app = await startApp(t, overrides)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/shapes', headers })
  for (const label of ['circle', 'square', 'stripes'] as const) {
    for (let seed = 1; seed <= 4; seed++)
      await put(app, `${label}-${seed}`, await drawImage(label, seed, { format: 'png' }), { label, headers })
  }
  return app
}

function put(
  app: TestApp,
  id: string,
  payload: Buffer,
  { label = 'new', headers = {} }: { label?: string; headers?: Record<string, string> } = {},
): Promise<unknown> {
  return app.app.inject({
    method: 'PUT',
    url: `/v1/galleries/shapes/images/${id}?label=${label}&metadata=${encodeURIComponent('{"size":3}')}`,
    headers: { ...png, ...headers },
    payload,
  })
}

const search = (app: TestApp, payload: object, status = 200) =>
  app.call<Paged>(status, { method: 'POST', url, payload })

test('a ranking is read page by page by its token, whatever is stored and removed meanwhile', async (t) => {
  const app = await filledApp(t)
  const image = await drawImage('circle', 9, { format: 'png' })
  const all = (await app.call(200, { method: 'POST', url: `${url}?k=12`, headers: png, payload: image })).hits
  const first = await app.call<Paged>(200, {
    method: 'POST',
    url: `${url}?k=5&paged=true`,
    headers: png,
    payload: image,
  })
  assert.deepEqual(first.hits, all.slice(0, 5))

  await put(app, 'newest', image)
  await app.app.inject({ method: 'DELETE', url: `/v1/galleries/shapes/images/${all[6]!.id}` })
  const second = await search(app, { pageToken: first.nextPageToken, k: 5, include: ['metadata', 'vector'] })
  assert.deepEqual(
    second.hits.map(({ rank, id, score }) => [rank, id, score]),
    all
      .slice(5, 10)
      .filter((_, i) => i !== 1)
      .map(({ rank, id, score }) => [rank, id, score]),
  )
  assert.ok(second.hits.every(({ metadata }) => metadata?.size === 3))
  assert.equal(second.vector?.length, 24)
  assert.deepEqual([second.durations.decodeMs, second.method], [0, 'exact'])

  // in the URL too, with another size, and repeatedly
  for (let times = 0; times < 2; times++) {
    const last = await app.call<Paged>(200, { method: 'POST', url: `${url}?k=100&pageToken=${second.nextPageToken}` })
    assert.deepEqual(
      last.hits.map(({ id }) => id),
      all.slice(10).map(({ id }) => id),
    )
    assert.equal('nextPageToken' in last, false)
  }
  assert.equal('nextPageToken' in (await search(app, { imageId: 'circle-1', k: 3 })), false)
  assert.equal('nextPageToken' in (await search(app, { imageId: 'circle-1', k: 11, paged: true })), false)
})

test('groups and near-copies are paged by token as well, and a batch accepts and returns tokens', async (t) => {
  const app = await filledApp(t)
  const grouped = { imageId: 'circle-1', groupBy: 'label', groupSize: 2, k: 1 }
  const whole = (await search(app, { ...grouped, k: 3 })).groups
  const { groups, nextPageToken } = await search(app, { ...grouped, paged: true })
  assert.deepEqual(groups, whole.slice(0, 1))
  const { answers } = await app.call<{ answers: { answer?: Paged; problem?: { code: string } }[] }>(200, {
    method: 'POST',
    url: `${url}/batch`,
    payload: {
      queries: [
        { pageToken: nextPageToken, k: 2 },
        { imageId: 'circle-1', k: 2, paged: true },
        { pageToken: 'AAAA' },
        { pageToken: nextPageToken, minScore: 0 },
      ],
    },
  })
  assert.deepEqual(answers[0]!.answer!.groups, whole.slice(1))
  const next = await search(app, { pageToken: answers[1]!.answer!.nextPageToken, k: 3 })
  assert.deepEqual(next.hits, (await search(app, { imageId: 'circle-1', k: 5 })).hits.slice(2))
  assert.deepEqual(
    answers.slice(2).map(({ problem }) => problem?.code),
    ['page_expired', 'request_invalid'],
  )
})

test('a token of another caller, of a previous process, or combined with another query is refused', async (t) => {
  const [one, two] = [makeKey('one', 'write'), makeKey('two', 'read')]
  const headers = { authorization: `Bearer ${one.key}` }
  const app = await filledApp(t, { apiKeys: `${one.line},${two.line}` }, headers)
  const ask = (status: number, payload: object, key = one) =>
    app.call<Paged>(status, { method: 'POST', url, headers: { authorization: `Bearer ${key.key}` }, payload })
  const { nextPageToken: pageToken } = await ask(200, { imageId: 'circle-1', k: 2, paged: true })
  assert.equal((await ask(410, { pageToken }, two)).code, 'page_expired')
  assert.equal((await ask(200, { pageToken, k: 2 })).hits[0]!.rank, 3)
  for (const other of [
    { imageId: 'circle-1' },
    { offset: 2 },
    { filter: { field: 'label', equals: 'circle' } },
    { vote: 3 },
    { minScore: 0.1 },
  ]) {
    const { errors } = await ask(400, { pageToken, ...other })
    assert.deepEqual(
      errors?.map(({ pointer }) => pointer),
      [`/${Object.keys(other)[0]}`],
    )
  }
  assert.equal(
    (
      await app.call(400, {
        method: 'POST',
        url: `${url}?pageToken=${pageToken}`,
        headers: { ...headers, ...png },
        payload: await drawImage('circle', 1, { format: 'png' }),
      })
    ).errors?.[0]?.pointer,
    '/image',
  )
  assert.equal((await ask(400, { pageToken: 'no token!' })).errors?.[0]?.pointer, '/pageToken')

  await app.close()
  const again = await startApp(t, {
    apiKeys: app.config.apiKeys,
    dataDir: app.config.dataDir,
    modelDir: app.config.modelDir,
  })
  assert.equal((await again.call(410, { method: 'POST', url, headers, payload: { pageToken } })).code, 'page_expired')
})

test('all pages together return no more than one request may', async (t) => {
  const app = await filledApp(t, { searchMaxK: 7 })
  const { hits, nextPageToken: pageToken } = await search(app, { imageId: 'circle-1', k: 4, paged: true })
  const last = await search(app, { pageToken, k: 4 })
  assert.deepEqual(
    [...hits, ...last.hits].map(({ rank }) => rank),
    [1, 2, 3, 4, 5, 6, 7],
  )
  assert.equal('nextPageToken' in last, false)
  assert.equal('nextPageToken' in (await search(app, { imageId: 'circle-1', k: 7, paged: true })), false)
})

test('the number of kept rankings is bounded, measured and documented', async (t) => {
  const app = await filledApp(t, { pageRankingsMax: 2 })
  const tokens = []
  for (const imageId of ['circle-1', 'circle-2', 'circle-3'])
    tokens.push((await search(app, { imageId, k: 2, paged: true })).nextPageToken)
  assert.equal((await search(app, { pageToken: tokens[0] }, 410)).status, 410)
  for (const pageToken of tokens.slice(1)) assert.ok((await search(app, { pageToken })).hits.length > 0)
  const metrics = (await app.app.inject('/metrics')).body
  assert.match(metrics, /^alike_page_rankings 2$/m)
  assert.match(metrics, /^alike_page_rankings_bytes [1-9]\d{3,}$/m)
  assert.match(metrics, /^alike_page_rankings_dropped_total\{reason="displaced"\} 1$/m)
})

/** Embeddings of stored pictures in answers: of hits, and of a single record. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { makeKey } from '../../src/access/api-keys.js'
import type { Config } from '../../src/config/config.js'
import { type Answer, startApp, type TestApp } from '../support/app.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'

const png = { 'content-type': 'image/png' }
const gallery = '/v1/galleries/g'
type Hit = Answer['hits'][number] & { gallery?: string; vector?: number[] | string | null }
type Found = Omit<Answer, 'hits' | 'groups'> & {
  hits: Hit[]
  groups?: { hits: Hit[] }[]
  nextPageToken?: string
}

/** Eight pictures of two labels. */
async function filled(t: TestContext, overrides: Partial<Config> = {}, headers: Record<string, string> = {}) {
  const app = await startApp(t, overrides)
  await app.call(201, { method: 'PUT', url: gallery, headers })
  for (const label of drawnLabels.slice(0, 2))
    for (const seed of [1, 2, 3, 4])
      await app.call(201, {
        method: 'PUT',
        url: `${gallery}/images/${label}-${seed}?label=${label}`,
        headers: { ...png, ...headers },
        payload: await drawImage(label, seed, { format: 'png' }),
      })
  return app
}

/** Keyed by id. */
async function listed(app: TestApp, format: 'numbers' | 'base64' = 'numbers') {
  const url = `${gallery}/images?include=vector&vectorFormat=${format}`
  const { images } = await app.call<{ images: { id: string; vector: unknown }[] }>(200, { url })
  return new Map(images.map(({ id, vector }) => [id, vector]))
}

const search = (app: TestApp, payload: object, url = `${gallery}/search`) =>
  app.call<Found>(200, { method: 'POST', url, payload })

test('hits come with their embeddings, as a list has them, whatever orders and selects the hits', async (t) => {
  const app = await filled(t)
  const query = { imageId: 'square-1', k: 8, include: ['hitVectors'] }
  for (const vectorFormat of ['numbers', 'base64'] as const) {
    const vectors = await listed(app, vectorFormat)
    for (const more of [
      {},
      { include: ['hitVectors', 'metadata', 'thumbnail', 'vector'] },
      { filter: { field: 'id', gte: 'square-2' } },
      { diversity: 0.5 },
      { expand: 2 },
      { hideDuplicates: true },
      { groupBy: 'label', groupSize: 3 },
      { boosts: [{ filter: { field: 'label', equals: 'circle' }, weight: 1 }] },
    ]) {
      const { hits, groups = [] } = await search(app, { ...query, vectorFormat, ...more })
      const all = [...hits, ...groups.flatMap((group) => group.hits)]
      assert.ok(all.length >= 3, JSON.stringify(more))
      for (const { id, vector } of all) assert.deepEqual(vector, vectors.get(id), JSON.stringify(more))
    }
    const { hits } = await search(
      app,
      { ...query, vectorFormat, galleries: ['g'], imageId: undefined, vector: vectors.get('square-1') },
      '/v1/search',
    )
    assert.equal(hits.length, 8)
    for (const { id, vector } of hits) assert.deepEqual(vector, vectors.get(id))
    const { answers } = await app.call<{ answers: { answer: Found }[] }>(200, {
      method: 'POST',
      url: `${gallery}/search/batch`,
      payload: {
        queries: [
          { ...query, vectorFormat },
          { ...query, include: ['vector'] },
        ],
      },
    })
    for (const { id, vector } of answers[0]!.answer.hits) assert.deepEqual(vector, vectors.get(id))
    assert.ok(answers[1]!.answer.hits.every((hit) => !('vector' in hit)))
  }
})

test('each page of a ranking has them if it asks for them', async (t) => {
  const app = await filled(t)
  const vectors = await listed(app)
  const first = await search(app, { imageId: 'square-1', k: 2, paged: true })
  assert.ok(first.hits.every((hit) => !('vector' in hit)))
  const second = await search(app, { pageToken: first.nextPageToken, k: 2, include: ['hitVectors'] })
  assert.equal(second.hits.length, 2)
  for (const { id, vector } of second.hits) assert.deepEqual(vector, vectors.get(id))
})

test('one record comes with its embedding', async (t) => {
  const app = await filled(t)
  const url = `${gallery}/images/circle-2`
  const { vector: _, ...record } = await app.call<Record<string, unknown>>(200, { url })
  for (const format of ['numbers', 'base64'] as const) {
    const at = `${url}?include=vector&vectorFormat=${format}`
    const found = await app.call(200, { url: at })
    assert.deepEqual(found, { ...record, vector: (await listed(app, format)).get('circle-2') })
  }
  const [plain, complete] = await Promise.all([
    app.app.inject({ url }),
    app.app.inject({ url: `${url}?include=vector` }),
  ])
  assert.equal(complete.headers.etag, plain.headers.etag)
  await app.call(404, { url: `${gallery}/images/nothing?include=vector` })
  await app.call(400, { url: `${url}?include=colours` })
})

test('they count towards the size of an answer', async (t) => {
  // 24 numbers count 288 characters
  const app = await filled(t, { answerMaxBytes: 3_000 })
  const query = { imageId: 'square-1', k: 8 }
  assert.equal((await search(app, query)).hits.length, 7)
  const refused = { method: 'POST', url: `${gallery}/search`, payload: { ...query, include: ['hitVectors'] } } as const
  assert.equal((await app.call(422, refused)).code, 'answer_too_large')
  assert.equal((await search(app, { ...query, k: 3, include: ['hitVectors'] })).hits.length, 3)
})

test('a key that may search but not read does not get them', async (t) => {
  const [owner, searcher] = [makeKey('owner', 'admin'), makeKey('searcher', 'read', { verbs: ['search'] })]
  const headersOf = ({ key }: { key: string }) => ({ authorization: `Bearer ${key}` })
  const app = await filled(t, { apiKeys: [owner.line, searcher.line].join(',') }, headersOf(owner))
  const vector = [1, ...new Array(23).fill(0)]
  const payload = { vector, include: ['hitVectors'] }
  const ask = (status: number, url: string, headers: Record<string, string>, body: object = payload) =>
    app.call<Found & { code?: string }>(status, { method: 'POST', url, headers, payload: body })
  assert.equal((await ask(200, `${gallery}/search`, headersOf(searcher), { vector })).hits.length, 8)
  assert.equal((await ask(200, `${gallery}/search`, headersOf(owner))).hits.length, 8)
  assert.equal((await ask(403, `${gallery}/search`, headersOf(searcher))).code, 'forbidden')
  assert.equal((await ask(403, '/v1/search', headersOf(searcher), { ...payload, galleries: ['g'] })).code, 'forbidden')
  const { answers } = (await ask(200, `${gallery}/search/batch`, headersOf(searcher), {
    queries: [payload],
  })) as unknown as {
    answers: { problem?: { code: string } }[]
  }
  assert.equal(answers[0]!.problem?.code, 'forbidden')
})

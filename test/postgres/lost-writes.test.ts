/**
 * Every kind of write whose answer by PostgreSQL is lost: what the caller is told is true, and repeating the request leaves what one
 * request would have left.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { InjectOptions } from 'fastify'
import { type Answer, startApp, type TestApp } from '../support/app.js'
import { type Cut, cuttingProxy } from '../support/cutting-proxy.js'
import { drawImage } from '../support/drawn-images.js'
import { until } from '../support/until.js'
import { newDatabase } from './shared-stores.js'

const gallery = '/v1/galleries/g'
const unlocks = 'pg_advisory_unlock_shared'

interface Lost {
  what: string
  /** Done before, undisturbed. */
  prepare?: InjectOptions
  request: InjectOptions
  /** What is cut: the COMMIT of a transaction with a text, or a statement. */
  at: { of: string } | { at: string }
  /** Of a repeated request, if that differs from the first one. */
  again?: number
  state: (app: TestApp) => Promise<unknown>
}

const read = async ({ app }: TestApp, url: string): Promise<unknown> => {
  const response = await app.inject(url)
  return response.statusCode < 300 ? without(response.body) : response.statusCode
}

/** Times and random ids differ. */
const without = (text: string) =>
  text.replaceAll(
    /"(createdAt|updatedAt|startedAt|finishedAt|at|cursor|id|uid|durationMs|etaSeconds)":("[^"]*"|null|\d+),?/g,
    '',
  )

const images = (app: TestApp) => read(app, `${gallery}/images`)
const jobs = async (app: TestApp) => {
  const all = await until(async () => {
    const { jobs: some } = await app.call(200, { url: '/v1/jobs' })
    return some.every(({ finishedAt }) => finishedAt !== null) && some
  })
  return all.map(({ kind, state, done }) => [kind, state, done])
}
const post = (url: string, payload: object): InjectOptions => ({ method: 'POST', url, payload })
const picture = (seed: number) => drawImage('circle', seed, { width: 16, height: 16, format: 'png' })

const writes = async (): Promise<Lost[]> => [
  {
    what: 'a new gallery',
    request: { method: 'PUT', url: '/v1/galleries/h', payload: { settings: { a: 1 } } },
    at: { of: 'INSERT INTO alike.gallery' },
    again: 200,
    state: (app) => read(app, '/v1/galleries/h'),
  },
  {
    what: 'a new gallery, remembered as prepared',
    request: { method: 'PUT', url: '/v1/galleries/h', payload: {} },
    at: { of: 'UPDATE alike.embedding_set' },
    again: 200,
    state: (app) => read(app, '/v1/galleries/h'),
  },
  {
    what: 'a change of a gallery',
    request: { method: 'PATCH', url: gallery, payload: { originals: 'none' } },
    at: { of: 'UPDATE alike.gallery SET options' },
    state: (app) => read(app, gallery),
  },
  {
    what: 'the removal of a gallery',
    request: { method: 'DELETE', url: gallery },
    at: { of: 'DELETE FROM alike.gallery' },
    again: 404,
    state: (app) => read(app, gallery),
  },
  {
    what: 'a picture',
    request: { method: 'PUT', url: `${gallery}/images/new`, payload: { image: (await picture(7)).toString('base64') } },
    at: { at: unlocks },
    again: 200,
    state: images,
  },
  {
    what: 'a patch',
    request: { method: 'PATCH', url: `${gallery}/images/p1`, payload: { label: 'patched', metadata: { a: 1 } } },
    at: { at: unlocks },
    state: images,
  },
  {
    what: 'a removal',
    request: { method: 'DELETE', url: `${gallery}/images/p1` },
    at: { at: unlocks },
    again: 404,
    state: images,
  },
  {
    what: 'an ingestion with a key',
    request: {
      ...post(`${gallery}/ingest`, {}),
      headers: { 'content-type': 'application/x-ndjson', 'idempotency-key': 'one' },
      payload: JSON.stringify({ add: { id: 'new', image: (await picture(8)).toString('base64') } }),
    },
    at: { of: 'INSERT INTO alike.job' },
    state: async (app) => [await jobs(app), await images(app)],
  },
  {
    what: 'verdicts',
    request: post(`${gallery}/feedback`, { query: { id: 'p0' }, hits: [{ id: 'p1', verdict: 'right' }], by: 'ann' }),
    at: { of: 'alike.feedback' },
    state: (app) => read(app, `${gallery}/feedback`),
  },
  {
    what: 'a decision',
    request: post(`${gallery}/decisions`, { kind: 'label', ids: ['p0'], decision: 'set-label', label: 'other' }),
    at: { of: 'INSERT INTO alike.decision' },
    state: async (app) => [await read(app, `${gallery}/decisions`), await images(app)],
  },
  {
    what: 'an applied decision',
    request: post(`${gallery}/decisions`, { kind: 'label', ids: ['p0'], decision: 'set-label', label: 'other' }),
    at: { of: 'UPDATE alike.decision SET settled' },
    // if its outcome is unknown, the repeated decision is one that changes nothing
    state: images,
  },
  {
    what: 'the removal of a decision',
    prepare: post(`${gallery}/decisions`, { kind: 'label', ids: ['p0'], decision: 'keep-label' }),
    request: { method: 'DELETE', url: `${gallery}/decisions/1` },
    at: { of: 'DELETE FROM alike.decision' },
    again: 404,
    state: (app) => read(app, `${gallery}/decisions`),
  },
]

async function started(t: TestContext) {
  const url = await newDatabase(t)
  if (url === undefined) return undefined
  const proxy = await cuttingProxy(t, url)
  const app = await startApp(t, { postgresUrl: proxy.url })
  await app.call(201, { method: 'PUT', url: gallery })
  for (let n = 0; n < 3; n++)
    await app.call(201, {
      method: 'PUT',
      url: `${gallery}/images/p${n}`,
      payload: { image: (await picture(n)).toString('base64'), label: 'first' },
    })
  return { app, proxy }
}

async function answer({ app }: TestApp, request: InjectOptions): Promise<{ status: number; given: Partial<Answer> }> {
  const { statusCode: status, body } = await app.inject(request)
  return { status, given: body === '' ? {} : (JSON.parse(body) as Partial<Answer>) }
}

const isReachable = async ({ app }: TestApp) => (await app.inject('/v1/galleries')).statusCode === 200

const cuts: { how: string; cut: Cut; away: boolean }[] = [
  { how: 'whose answer is lost', cut: 'after', away: false },
  { how: 'whose answer is lost with PostgreSQL', cut: 'after', away: true },
  { how: 'that does not arrive', cut: 'before', away: false },
]

// at the same time: most of it is waiting for outcomes that nobody can find out
test('what a caller is told is true, and repeating the request is safe', { concurrency: 4 }, async (all) => {
  await Promise.all((await writes()).map((lost) => all.test(lost.what, (t) => expectHonest(t, lost))))
})

async function expectHonest(t: TestContext, { what, prepare, request, at, again, state }: Lost): Promise<void> {
  const whole = await started(t)
  if (whole === undefined) return
  if (prepare !== undefined) await whole.app.call(201, prepare)
  const { status } = await answer(whole.app, request)
  assert.ok(status < 300, String(status))
  const expected = await state(whole.app)
  for (const { how, cut, away } of cuts) {
    const { app, proxy } = (await started(t))!
    if (prepare !== undefined) await app.call(201, prepare)
    const before = await state(app)
    proxy.cutNext(cut, { ...at, away })
    const first = await answer(app, request)
    assert.equal(proxy.cuts, 1, `${how}: nothing was cut`)
    proxy.back()
    await until(() => isReachable(app), 'PostgreSQL')
    t.diagnostic(`${how}: ${first.status} ${first.given.code ?? ''}`)
    if (first.status >= 300) {
      assert.equal(first.status, 503, `${how}: ${JSON.stringify(first.given)}`)
      if (cut === 'before' && 'of' in at && what !== 'an applied decision')
        assert.deepEqual(await state(app), before, `${how}: refused, and done`)
      const second = await answer(app, request)
      assert.ok(
        [status, again].includes(second.status),
        `${how}, repeated: ${second.status} ${JSON.stringify(second.given)}`,
      )
    }
    assert.deepEqual(await state(app), expected, how)
  }
}

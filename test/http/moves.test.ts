/** A gallery moves between engines while it serves and accepts writes, with a real Weaviate server. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { generateUuid5 } from 'weaviate-client'
import { copyDescriptorOf, embeddingOf } from '../gallery/stored-images.js'
import { startApp, type TestApp } from '../support/app.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'
import { installModel } from '../support/installed-model.js'
import type { Job } from '../support/jobs.js'
import { postgresServer } from '../support/postgres-server.js'
import { until } from '../support/until.js'
import { type RunningWeaviate, settingsOf, sharedWeaviate, skipWithoutWeaviate } from '../support/weaviate-server.js'

const needsServer = { skip: skipWithoutWeaviate }
const gallery = '/v1/galleries/g'
const [first, second] = drawnLabels as unknown as [(typeof drawnLabels)[number], (typeof drawnLabels)[number]]
const imagesOfLabel = 6

const picture = async (label: (typeof drawnLabels)[number], seed: number) =>
  (await drawImage(label, seed)).toString('base64')

async function store(app: TestApp, id: string, seed: number, said: object = {}, status = 201): Promise<void> {
  const payload = { image: await picture(first, seed), ...said }
  await app.call(status, { method: 'PUT', url: `${gallery}/images/${id}`, payload })
}

async function filled(t: TestContext, overrides: Parameters<typeof startApp>[1] = {}) {
  const server = await sharedWeaviate()
  const app = await startApp(t, { ...settingsOf(server), defaultEngine: '', ...overrides })
  await app.call(201, { method: 'PUT', url: gallery })
  for (let i = 0; i < imagesOfLabel; i++) {
    await store(app, `a${i}`, i + 1, { label: first, metadata: { i, nested: [{ z: 1, a: null }, 'ü'] } })
    await store(app, `b${i}`, i + 50, i % 2 === 0 ? {} : { label: second })
  }
  return { app, server }
}

const move = (app: TestApp, status: number, payload: object) =>
  app.call<Job & { code: string; detail: string }>(status, { method: 'POST', url: `${gallery}/move`, payload })
const told = (app: TestApp) => app.call(200, { url: gallery })

async function ended(app: TestApp, { id }: Pick<Job, 'id'>): Promise<Job> {
  return until(async () => {
    const job = await app.call<Job>(200, { url: `/v1/jobs/${id}` })
    return job.finishedAt !== null && job
  }, 'the end of the job')
}

/** All stored data, as embedded and written. */
async function all(app: TestApp) {
  const { galleries } = app.parts
  const { images } = await galleries.images.page('g', { limit: 1_000 })
  return Promise.all(
    images.map(async (image) => ({
      ...image,
      vector: await embeddingOf(galleries, 'g', image.id),
      thumbnail: Buffer.from((await galleries.images.thumbnail('g', image.id))!.bytes!).toString('hex'),
      descriptor: Buffer.from((await copyDescriptorOf(galleries, 'g', image.id))!).toString('hex'),
    })),
  )
}

async function found(app: TestApp, seed: number): Promise<[string, number][]> {
  const payload = { image: await picture(first, seed), k: 5 }
  const { hits } = await app.call(200, { method: 'POST', url: `${gallery}/search`, payload })
  return hits.map(({ id, score }) => [id, score])
}

/** All kinds of changes. */
async function change(app: TestApp, round: number): Promise<void> {
  await store(app, `new${round}`, 100 + round, { label: `new${round}` })
  await store(app, 'a0', 200 + round, { label: 'replaced' }, 200)
  await app.call(200, { method: 'PATCH', url: `${gallery}/images/a1`, payload: { label: `patched${round}` } })
  await app.call(204, { method: 'DELETE', url: `${gallery}/images/b${round}` })
  // the same content again, at another time
  await app.call(204, { method: 'DELETE', url: `${gallery}/images/a5` })
  await store(app, 'a5', 6, { label: first })
}

test('a gallery moves to Weaviate and back during writes, and stays the same', needsServer, async (t) => {
  const { app } = await filled(t)
  const job = await move(app, 202, { engine: 'weaviate', shards: 2, ratePerSecond: 20 })
  assert.deepEqual([job.kind, job.state], ['move', 'queued'])
  const moving = await told(app)
  assert.deepEqual([moving.engine, moving.move?.engine, moving.move?.state], ['embedded', 'weaviate', 'copying'])
  assert.equal(moving.move?.job, job.id)
  await change(app, 1)
  const before = [await all(app), await found(app, 3)]
  const embeddings = (query: string) => app.call(200, { url: `${gallery}/images?include=vector&${query}` })
  const [whole, part] = [await embeddings('limit=100'), await embeddings('limit=5')]
  const done = await ended(app, job)
  assert.deepEqual([done.state, done.failure], ['succeeded', null])
  const moved = await told(app)
  assert.deepEqual([moved.engine, moved.count], ['weaviate', 2 * imagesOfLabel])
  assert.deepEqual([moved.move?.engine, moved.move?.state, moved.move?.job], ['embedded', 'kept', undefined])
  assert.ok(new Date(moved.move!.keptUntil!) > new Date())
  assert.equal(moved.move?.compared?.images, 2 * imagesOfLabel)
  assert.deepEqual([await all(app), await found(app, 3)], before)
  const rest = await embeddings(`cursor=${part.nextCursor}`)
  assert.deepEqual([...part.images, ...rest.images], whole.images, 'a list of embeddings goes on in the other engine')

  await change(app, 3)
  const changed = [await all(app), await found(app, 201)]
  const back = await ended(app, await move(app, 202, { engine: 'embedded' }))
  assert.equal(back.state, 'succeeded')
  assert.match((await told(app)).move?.compared?.checksum ?? '', /^[0-9a-f]{64}$/)
  assert.deepEqual([(await told(app)).engine, (await told(app)).move?.engine], ['embedded', 'weaviate'])
  assert.deepEqual([await all(app), await found(app, 201)], changed)
  assert.ok(app.log.some(({ msg, rolledBack }) => msg === 'a gallery has moved' && rolledBack === true))
  const metrics = await app.call<string>(200, { url: '/metrics' })
  assert.match(metrics, /alike_gallery_moves_total\{outcome="moved"\} 2/)

  const { modelId } = await told(app)
  await app.call(204, { method: 'DELETE', url: `${gallery}/sets/${modelId}` })
  assert.equal((await told(app)).move, undefined)
  assert.deepEqual([await all(app), await found(app, 201)], changed)
})

test('an impossible move is refused with a code', needsServer, async (t) => {
  const { app } = await filled(t)
  assert.equal((await move(app, 409, { engine: 'embedded' })).code, 'move_same_engine')
  assert.equal((await move(app, 422, { engine: 'none' })).code, 'engine_not_found')
  const job = await move(app, 202, { engine: 'weaviate', ratePerSecond: 2 })
  const again = await move(app, 409, { engine: 'weaviate' })
  assert.deepEqual([again.code, again.detail.includes(job.id)], ['move_under_way', true])
  await app.call(200, { method: 'DELETE', url: `/v1/jobs/${job.id}` })
  // what was copied is kept
  assert.equal((await move(app, 409, { engine: 'weaviate', shards: 5 })).code, 'gallery_exists')
  assert.equal((await ended(app, await move(app, 202, { engine: 'weaviate' }))).state, 'succeeded')
  assert.equal((await move(app, 409, { engine: 'embedded', shards: 2 })).code, 'engine_unsupported')
})

test('a gallery with sets of two models does not move until one of them is removed', needsServer, async (t) => {
  const { app } = await filled(t, { gateOverlapMin: 0, gateMapLossMax: 1, gateRankLossMax: 1 })
  await installModel(app, (await handmadeModel(t, { inputSize: 16, dimension: 12, name: 'twelve' })).folder)
  const build = (status: number, model: string) =>
    app.call<Job & { code: string }>(status, { method: 'POST', url: `${gallery}/sets`, payload: { model } })
  assert.equal((await ended(app, await build(202, 'twelve'))).state, 'succeeded')
  assert.equal((await move(app, 409, { engine: 'weaviate' })).code, 'set_exists')
  await app.call(204, { method: 'DELETE', url: `${gallery}/sets/twelve` })
  assert.equal((await ended(app, await move(app, 202, { engine: 'weaviate' }))).state, 'succeeded')
  for (const model of ['twelve', 'handmade']) assert.equal((await build(409, model)).code, 'set_exists')
})

/** Replaces a picture's vector without changing its record. */
async function tamper({ settings: { url } }: RunningWeaviate, setUid: string, id: string): Promise<void> {
  const object = `${url}/v1/objects/Alike_${setUid}/${generateUuid5(id)}`
  const stored = (await (await fetch(`${object}?include=vector`)).json()) as { vectors: { default: number[] } }
  stored.vectors.default.reverse()
  const body = JSON.stringify(stored)
  const answer = await fetch(object, { method: 'PUT', headers: { 'content-type': 'application/json' }, body })
  assert.equal(answer.status, 200)
}

/** More pictures than are copied at once. */
async function withMany(app: TestApp, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await store(app, `m${i}`, 1_000 + i)
}

/** Paused midway through copying, written to, and resumed. */
async function movedWithPause(app: TestApp): Promise<void> {
  await withMany(app, 60)
  const job = await move(app, 202, { engine: 'weaviate', ratePerSecond: 8 })
  const now = () => app.call<Job & { paused: boolean }>(200, { url: `/v1/jobs/${job.id}` })
  const steer = (paused: boolean) =>
    app.call<Job & { paused: boolean }>(200, { method: 'PATCH', url: `/v1/jobs/${job.id}`, payload: { paused } })
  await until(async () => (await now()).done > 0, 'the first pictures in the copy')
  assert.equal((await steer(true)).paused, true)
  await until(async () => (await now()).state === 'queued', 'the end of the run')
  const { done } = await now()
  const paused = await told(app)
  assert.deepEqual([paused.engine, paused.move?.state, paused.move?.job], ['embedded', 'copying', job.id])
  assert.ok(done < paused.count, `all ${done} were copied before the pause`)
  assert.equal((await move(app, 409, { engine: 'weaviate' })).code, 'move_under_way')
  await change(app, 1)
  assert.equal((await now()).done, done, 'nothing is copied while it is paused')
  const before = [await all(app), await found(app, 3)]
  assert.equal((await steer(false)).paused, false)
  const moved = await ended(app, job)
  assert.deepEqual([moved.state, moved.failure], ['succeeded', null])
  assert.equal((await told(app)).engine, 'weaviate')
  assert.deepEqual([await all(app), await found(app, 3)], before)
}

test(
  'a move that is paused and resumed goes on from what is copied, with what was written meanwhile',
  needsServer,
  async (t) => {
    await movedWithPause((await filled(t)).app)
  },
)

test(
  'where PostgreSQL holds catalogue and jobs, a gallery is paused, moves and comes back, too',
  needsServer,
  async (t) => {
    const postgres = await postgresServer(t)
    if (postgres === undefined) return
    const { app } = await filled(t, { postgresUrl: await postgres.newDatabase() })
    await movedWithPause(app)
    await change(app, 3)
    const before = [await all(app), await found(app, 3)]
    assert.equal((await ended(app, await move(app, 202, { engine: 'embedded' }))).state, 'succeeded')
    assert.deepEqual([(await told(app)).engine, (await told(app)).move?.engine], ['embedded', 'weaviate'])
    assert.deepEqual([await all(app), await found(app, 3)], before)
  },
)

test('a copy that differs is refused, and the gallery stays where it is', needsServer, async (t) => {
  const { app, server } = await filled(t)
  const before = [await all(app), await found(app, 3)]
  const job = await move(app, 202, { engine: 'weaviate', ratePerSecond: 6 })
  const copied = async () =>
    (await app.parts.galleries.sets.list('g')).find(({ reading, stage }) => {
      return stage === 'building' && reading.images === 2 * imagesOfLabel
    })
  const { uid } = await until(copied, 'the copy')
  await tamper(server, uid, 'b3')
  const done = await ended(app, job)
  assert.deepEqual([done.state, done.failure?.code], ['failed', 'move_differs'])
  assert.match(done.failure!.detail, /b3/)
  const refused = await told(app)
  assert.deepEqual([refused.engine, refused.move?.state, refused.move?.job], ['embedded', 'copying', undefined])
  assert.deepEqual([await all(app), await found(app, 3)], before)
  assert.match(await app.call<string>(200, { url: '/metrics' }), /alike_gallery_moves_total\{outcome="refused"\} 1/)

  await app.call(204, { method: 'DELETE', url: `${gallery}/sets/${refused.modelId}` })
  assert.equal((await ended(app, await move(app, 202, { engine: 'weaviate' }))).state, 'succeeded')
  assert.deepEqual([await all(app), await found(app, 3)], before)
})

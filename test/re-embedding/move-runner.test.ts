/** What a move leaves behind that is stopped before it has moved anything, and counts that it cannot trust. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { AlikeError } from '../../src/errors.js'
import type { JobRecord } from '../../src/jobs/job.js'
import type { JobControl } from '../../src/jobs/job-runner.js'
import { openJobs } from '../../src/jobs/jobs.js'
import { engineOf, jobsOf } from '../engines/embedded/embedded-galleries.js'
import { dataFolder, openIn } from '../engines/embedded/storage-folder.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage, putImages } from '../gallery/stored-images.js'
import { until } from '../support/until.js'
import { openMover } from './opened-mover.js'

/** A gallery with three pictures and an empty copy. */
async function copied(t: TestContext) {
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  const newVector = unitVectors({ dimension: model.dimension, seed: 3 })
  await putImages(
    galleries.images,
    'a',
    ['p', 'q', 'r'].map((id) => newImage(id, newVector())),
  )
  const { galleryUid, modelId, dimension } = await galleries.sets.serving('a')
  const uid = randomBytes(8).toString('hex')
  await engineOf(galleries).catalogue.addSet({ uid, galleryUid, engine: 'embedded', modelId, dimension, about: {} })
  const jobs = jobsOf(galleries)
  await jobs.create({ id: 'j', kind: 'move', gallery: 'a', source: { setUid: uid, ratePerSecond: 0 } })
  await jobs.transition('j', { from: ['queued'], to: 'running' })
  return { galleries, uid, job: (await jobs.get('j'))! }
}

test('a gallery moves although its engine counts what a replica missed', async (t) => {
  const { galleries, uid, job } = await copied(t)
  const { mirrors, runner } = await openMover(t, galleries)
  const { mirror } = await mirrors.of('a', uid)
  const state = await mirror.from.state()
  t.mock.method(mirror.from, 'state', async () => ({ ...state, images: 2 }))
  const control = { signal: new AbortController().signal, expect: async () => {}, advance: async () => {}, report() {} }
  assert.deepEqual(await runner.run(job, control as unknown as JobControl), { total: 3 })
  assert.equal((await galleries.sets.serving('a')).uid, uid)
})

test('a move waits while an engine is unreachable, and ends once', async (t) => {
  const { galleries, uid, job } = await copied(t)
  const store = jobsOf(galleries)
  await store.transition(job.id, { from: ['running'], to: 'queued' })
  const outcomes: string[] = []
  const { mirrors, runner } = await openMover(t, galleries, (outcome) => outcomes.push(outcome))
  const { mirror } = await mirrors.of('a', uid)
  const find = mirror.to.find.bind(mirror.to)
  let attempts = 0
  t.mock.method(mirror.to, 'find', async (ids: readonly string[]) => {
    if (attempts++ < 2) throw new AlikeError('engine_unreachable', { retryAfterSeconds: 0.01 })
    return find(ids)
  })
  const logger = { info() {}, warn() {}, error() {} }
  const jobs = await openJobs({ store, galleries, runners: [runner], jobsKeptDays: 1, logger })
  t.after(() => jobs.close())
  await until(async () => (await store.get(job.id))!.finishedAt !== null, 'the end of the move')
  const { state, done, failure } = (await store.get(job.id))!
  assert.deepEqual([state, done, failure, outcomes], ['succeeded', 3, null, ['moved']])
  assert.equal((await galleries.sets.serving('a')).uid, uid)
})

test('a move that finds a disk full has not ended', async (t) => {
  const { galleries, uid, job } = await copied(t)
  const outcomes: string[] = []
  const { mirrors, runner } = await openMover(t, galleries, (outcome) => outcomes.push(outcome))
  const { mirror } = await mirrors.of('a', uid)
  const full = t.mock.method(mirror.to, 'change', async () => {
    throw new AlikeError('storage_full')
  })
  const control = { signal: new AbortController().signal, expect: async () => {}, advance: async () => {}, report() {} }
  await assert.rejects(runner.run(job, control as unknown as JobControl), { code: 'storage_full' })
  assert.deepEqual(outcomes, [])
  full.mock.restore()
  await runner.run(job, control as unknown as JobControl)
  assert.deepEqual(outcomes, ['moved'])
})

test('a kept copy is still kept up to date after a move back to it was cancelled at once', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  const { galleryUid, modelId, dimension } = await galleries.sets.serving('a')
  const uid = randomBytes(8).toString('hex')
  await engineOf(galleries).catalogue.addSet({ uid, galleryUid, engine: 'embedded', modelId, dimension, about: {} })
  await galleries.sets.change(uid, { stage: 'kept' })
  const { mirrors, followers, runner } = await openMover(t, galleries)

  const job = { gallery: 'a', source: { setUid: uid, ratePerSecond: 0 } } as unknown as JobRecord
  await assert.rejects(runner.run(job, { signal: AbortSignal.abort() } as JobControl), { name: 'AbortError' })
  assert.deepEqual([followers.galleries, followers.setOf('a')], [['a'], uid])
  await putImages(galleries.images, 'a', [newImage('p', unitVectors({ dimension: model.dimension, seed: 3 })())])
  const { mirror } = await mirrors.of('a', uid)
  await until(async () => (await mirror.to.find(['p'])).length === 1, 'the picture in the kept copy')
})

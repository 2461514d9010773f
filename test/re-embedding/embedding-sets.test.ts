/** What becomes of a gallery's sets if removing one of them fails halfway. */
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { ImageEmbedder } from '../../src/embedding/image-embedder.js'
import { newUid } from '../../src/gallery/catalogue.js'
import type { Galleries } from '../../src/gallery/galleries.js'
import { openJobs } from '../../src/jobs/jobs.js'
import type { Webhooks } from '../../src/jobs/webhooks.js'
import { EmbeddingSets } from '../../src/re-embedding/embedding-sets.js'
import { SetExclusion } from '../../src/re-embedding/set-exclusion.js'
import { SetFollowers } from '../../src/re-embedding/set-followers.js'
import { SetMirrors } from '../../src/re-embedding/set-mirrors.js'
import { engineOf, jobsOf } from '../engines/embedded/embedded-galleries.js'
import { dataFolder, openIn } from '../engines/embedded/storage-folder.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage, putImages } from '../gallery/stored-images.js'
import { HeldRunner } from '../jobs/held-runner.js'
import { until } from '../support/until.js'

const logger = { info() {}, warn() {}, error() {} }

/** A gallery with another set of the same model, which is kept up to date. */
async function withOtherSet(t: TestContext) {
  const dataDir = await dataFolder(t)
  const galleries = await openIn(t, dataDir)
  await galleries.create('a')
  const { uid } = await addSet(galleries)
  await galleries.sets.change(uid, { stage: 'ready' })
  const mirrors = new SetMirrors({ galleries, images: {} as ImageEmbedder, concurrency: 4 })
  const followers = await SetFollowers.open({ galleries, mirrors, logger })
  t.after(() => followers.close())
  const runner = new HeldRunner(['re-embedding'])
  const jobs = await openJobs({ store: jobsOf(galleries), galleries, runners: [runner], jobsKeptDays: 1, logger })
  t.after(() => jobs.close())
  const exclusion = new SetExclusion(galleries.writes)
  const models = { reEmbeddingRateMax: 0, modelsOpenMax: 2, standardModelId: model.id }
  const parts = { galleries, mirrors, followers, jobs, exclusion, webhooks: {} as Webhooks, logger }
  const sets = new EmbeddingSets({ ...parts, ...models, setKeptDays: 1 })
  t.after(() => sets.close())
  return { galleries, followers, jobs, runner, sets, uid, graphCaches: join(dataDir, 'index') }
}

async function addSet(galleries: Galleries) {
  const { galleryUid, modelId, dimension } = await galleries.sets.serving('a')
  const set = { uid: newUid(), galleryUid, engine: 'embedded', modelId, dimension, about: {} }
  return engineOf(galleries).catalogue.addSet(set)
}

test('a set whose graph cache cannot be deleted is gone, and no longer followed: the next one misses nothing', async (t) => {
  const { galleries, followers, sets, uid, graphCaches } = await withOtherSet(t)
  const makeVector = unitVectors({ dimension: model.dimension, seed: 17 })
  await putImages(galleries.images, 'a', [newImage('p', makeVector())])
  const [, other] = await galleries.sets.list('a')
  await until(async () => (await (await galleries.sets.open(other!)).state()).images === 1, 'the other set')
  await mkdir(join(graphCaches, `${uid}.json`), { recursive: true })
  await assert.rejects(sets.remove('a', model.id), { code: 'internal' })
  assert.deepEqual([(await galleries.sets.list('a')).length, followers.galleries], [1, []])

  const next = await addSet(galleries)
  const changed = galleries.writes.follow('a', next.uid)
  for (const id of ['q', 'r']) {
    await putImages(galleries.images, 'a', [newImage(id, makeVector())])
    await new Promise((resolve) => setTimeout(resolve, 20)) // a follower would see it
  }
  assert.deepEqual((await changed.take(10)).ids, ['q', 'r'])
})

test('a set that could not be removed is still followed', async (t) => {
  const { galleries, followers, sets, uid } = await withOtherSet(t)
  galleries.sets.remove = () => Promise.reject(new Error('the disk is full'))
  await assert.rejects(sets.remove('a', model.id), { message: 'the disk is full' })
  assert.equal(followers.setOf('a'), uid)
})

test('a set whose job ends at the moment in which it is to be cancelled is removed', async (t) => {
  const { galleries, jobs, runner, sets, uid } = await withOtherSet(t)
  await jobs.create({ id: 'j', kind: 're-embedding', gallery: 'a', source: { setUid: uid } })
  await until(() => runner.runs.length === 1)
  const list = jobs.list.bind(jobs)
  t.mock.method(jobs, 'list', async (...options: Parameters<typeof list>) => {
    const running = await list(...options)
    runner.runs[0]!.end({ total: 0 })
    await until(async () => (await jobs.report('j')).job.finishedAt !== null)
    return running
  })
  await sets.remove('a', model.id)
  assert.equal((await galleries.sets.list('a')).length, 1)
})

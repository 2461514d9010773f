/** Jobs of galleries that are in the data folder of one process. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Catalogue } from '../../src/gallery/catalogue.js'
import { inDatabase } from '../support/postgres-server.js'
import { newDatabase, openStores } from './shared-stores.js'

const model = { modelId: '00000000000000aa', dimension: 8 }

/** Its set is `set-NAME`. */
async function makeGallery(catalogue: Catalogue, name: string, engine: string): Promise<void> {
  const setUid = `set-${name}`
  await catalogue.create({ name, uid: name, setUid, engine, ...model, settings: {}, galleriesMax: 10 })
  await catalogue.changeSet(setUid, { about: { isMade: true } })
}

/** The stores of two processes: galleries of engine `embedded` are in the folder of the second one. */
async function twoProcesses(t: TestContext, url: string) {
  const one = await openStores(t, url, { isElsewhere: ({ engine, isMade }) => engine === 'embedded' && isMade })
  return [one, await openStores(t, url, { isElsewhere: () => false })] as const
}

test('a job is left to the process that has its gallery, and keeps no other waiting', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const [one, two] = await twoProcesses(t, url)
  await makeGallery(one.catalogue, 'a', 'embedded')
  await makeGallery(one.catalogue, 'b', 'shared')
  await one.jobs.create({ id: 'first', gallery: 'a', source: null, priority: 9 })
  await one.jobs.create({ id: 'second', gallery: 'b', source: null })
  assert.equal((await one.jobs.claim(['ingest']))?.id, 'second')
  assert.equal(await one.jobs.claim(['ingest']), undefined)
  assert.equal((await two.jobs.claim(['ingest']))?.id, 'first')
  await inDatabase(url, `UPDATE alike_queue.job SET heartbeat_on = now() - interval '1 day' WHERE name = 'ingest'`)
  assert.equal(await one.jobs.claim(['ingest']), undefined, 'nor after that process has died')
})

test('a job that comes while one is being claimed is left to the process that has its gallery, too', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  let looks = 0
  const { catalogue, jobs } = await openStores(t, url, { isElsewhere: () => looks++ > 0 })
  await makeGallery(catalogue, 'a', 'embedded')
  await jobs.create({ id: 'j', gallery: 'a', source: null })
  assert.equal(await jobs.claim(['ingest']), undefined)
  assert.deepEqual(await inDatabase(url, 'SELECT state::text FROM alike_queue.job'), [{ state: 'created' }])
})

test('a process that does not have a gallery copies it back by no move, and does all else with it', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const [one, two] = await twoProcesses(t, url)
  await makeGallery(one.catalogue, 'a', 'shared')
  const former = { uid: 'former', galleryUid: 'a', engine: 'embedded', ...model, about: { isMade: true } }
  await one.catalogue.addSet(former)
  await one.jobs.create({ id: 'back', kind: 'move', gallery: 'a', source: null })
  await one.jobs.create({ id: 'pictures', gallery: 'a', source: null })
  assert.equal(await one.jobs.claim(['move']), undefined)
  assert.equal((await one.jobs.claim(['ingest']))?.id, 'pictures')
  assert.equal((await two.jobs.claim(['move']))?.id, 'back')
})

test('a job whose gallery was deleted, or was never prepared, is claimed by any process, to end it', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const [one] = await twoProcesses(t, url)
  await makeGallery(one.catalogue, 'a', 'embedded')
  await makeGallery(one.catalogue, 'b', 'embedded')
  await one.catalogue.changeSet('set-b', { about: {} })
  for (const gallery of ['a', 'b']) await one.jobs.create({ id: gallery, gallery, source: null })
  await one.catalogue.remove('a')
  const claimed = [await one.jobs.claim(['ingest']), await one.jobs.claim(['ingest'])]
  assert.deepEqual(
    claimed.map((job) => job?.id),
    ['a', 'b'],
  )
})

test('a job is left to a process with the model it needs: the serving one, or that of the set it builds', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const installed = new Set<string>()
  const [one, two] = [await openStores(t, url, { hasModel: (id) => installed.has(id) }), await openStores(t, url)]
  for (const gallery of ['a', 'b']) await makeGallery(one.catalogue, gallery, 'shared')
  const newer = {
    uid: 'newer',
    galleryUid: 'b',
    engine: 'shared',
    modelId: '00000000000000bb',
    dimension: 8,
    about: {},
  }
  await one.catalogue.addSet(newer)
  for (const kind of ['ingest', 'evaluate', 'move'] as const)
    await one.jobs.create({ id: kind, kind, gallery: 'a', source: null })
  await one.jobs.create({ id: 'build', kind: 're-embedding', gallery: 'b', source: null })
  await one.jobs.create({ id: 'paused', gallery: 'a', source: null })
  await one.jobs.steer('paused', { paused: true })
  const waiting = async () => Object.fromEntries((await one.jobs.withoutModel()).map((of) => [of.name, of.count]))
  assert.deepEqual(await waiting(), { [model.modelId]: 2, [newer.modelId]: 1 })
  const claims = async () => [
    (await one.jobs.claim(['ingest']))?.id,
    (await one.jobs.claim(['evaluate', 'duplicates', 'doctor', 'layout']))?.id,
    (await one.jobs.claim(['re-embedding']))?.id,
    (await one.jobs.claim(['move']))?.id,
  ]
  assert.deepEqual(await claims(), [undefined, undefined, undefined, 'move'])
  assert.equal((await two.jobs.claim(['ingest']))?.id, 'ingest')
  installed.add(newer.modelId)
  assert.deepEqual(await waiting(), { [model.modelId]: 2, [newer.modelId]: 0 })
  assert.deepEqual(await claims(), [undefined, undefined, 'build', undefined], 'the serving model may be lost')
  installed.add(model.modelId)
  assert.equal((await claims())[1], 'evaluate')
})

test('a process with the model but without the gallery does not hide that a job waits', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const one = await openStores(t, url, { isElsewhere: ({ uid }) => uid === 'set-b', hasModel: () => false })
  const two = await openStores(t, url, { isElsewhere: ({ uid }) => uid === 'set-a' })
  for (const gallery of ['a', 'b']) await makeGallery(one.catalogue, gallery, 'embedded')
  await one.jobs.create({ id: 'first', gallery: 'a', source: null })
  assert.deepEqual(await one.jobs.withoutModel(), [{ name: model.modelId, count: 1 }])
  assert.deepEqual(await two.jobs.withoutModel(), [])
  await one.jobs.create({ id: 'second', gallery: 'b', source: null })
  assert.deepEqual(await one.jobs.withoutModel(), [{ name: model.modelId, count: 1 }])
  assert.deepEqual(await two.jobs.withoutModel(), [{ name: model.modelId, count: 0 }])
})

test('jobs that no process has the engine for are left, and counted, each once; a process that has it says 0', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const one = await openStores(t, url, { hasEngine: (engine) => engine !== 'far' })
  const two = await openStores(t, url, { isElsewhere: ({ uid }) => uid === 'set-b' })
  for (const [gallery, engine] of [
    ['a', 'far'],
    ['b', 'embedded'],
  ] as const)
    await makeGallery(one.catalogue, gallery, engine)
  const copy = { engine: 'far', modelId: model.modelId, dimension: 8, about: {} }
  for (const galleryUid of ['a', 'b']) await one.catalogue.addSet({ ...copy, uid: `copy-${galleryUid}`, galleryUid })
  assert.deepEqual(await one.jobs.withoutEngine(), [])
  await one.jobs.create({ id: 'to', kind: 'move', gallery: 'b', source: null })
  assert.deepEqual(await two.jobs.withoutEngine(), [], 'it could not run it either')
  for (const kind of ['ingest', 'move'] as const) await one.jobs.create({ id: kind, kind, gallery: 'a', source: null })
  for (const kind of ['ingest', 'move'] as const) assert.equal(await one.jobs.claim([kind]), undefined)
  const waiting = async () => Object.fromEntries((await one.jobs.withoutEngine()).map((of) => [of.name, of.count]))
  assert.deepEqual(await waiting(), { embedded: 0, far: 3 })
  assert.deepEqual(await two.jobs.withoutEngine(), [{ name: 'far', count: 0 }])
  await one.jobs.steer('ingest', { paused: true })
  assert.deepEqual(await waiting(), { embedded: 0, far: 2 })
})

test('a job that no process has the model for waits, counts, and can be cancelled', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const { catalogue, jobs } = await openStores(t, url, { hasModel: () => false })
  await makeGallery(catalogue, 'a', 'shared')
  const room = { kinds: ['ingest'], max: 1 } as const
  const waiting = { kind: 'ingest', gallery: 'a', source: null } as const
  await jobs.create({ ...waiting, id: 'first' }, room)
  assert.equal(await jobs.claim(['ingest']), undefined)
  await assert.rejects(jobs.create({ ...waiting, id: 'next' }, room), { code: 'job_queue_full' })
  const cancelled = await jobs.transition('first', { from: ['queued'], to: 'cancelled' })
  assert.equal(cancelled.state, 'cancelled')
  await jobs.create({ ...waiting, id: 'next' }, room)
})

import assert from 'node:assert/strict'
import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { pino } from 'pino'
import { openForReading } from '../../src/engines/embedded/store/database/database.js'
import { FolderOriginals } from '../../src/originals/folder-originals.js'
import { OriginalsGarbage } from '../../src/originals/garbage.js'
import { S3Originals } from '../../src/originals/s3-originals.js'
import { engineOf } from '../engines/embedded/embedded-galleries.js'
import { dataFolder, openIn } from '../engines/embedded/storage-folder.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage, putImages, removeImages } from '../gallery/stored-images.js'
import { bucketServer } from '../support/bucket-server.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { hashOf, listed } from './original-stores.js'

const hour = 3_600_000

/** Four originals: used, given up, never used, and given up a moment ago. All but the last are two hours old. */
async function fourOriginals(t: TestContext) {
  const folder = await temporaryFolder(t)
  const store = new FolderOriginals(folder)
  const names = ['used', 'given up', 'never taken', 'given up lately'] as const
  const hashes = names.map((name) => hashOf(Buffer.from(name)))
  for (const [i, name] of names.entries()) {
    const hash = hashes[i]!
    await store.put(hash, Buffer.from(name))
    const at = new Date(Date.now() - 2 * hour)
    if (name !== 'given up lately') await utimes(join(folder, hash.slice(0, 2), hash.slice(2, 4), hash), at, at)
  }
  return { store, hashes }
}

test('originals given up or never used are removed, but never those in use or recent', async (t) => {
  const { store, hashes } = await fourOriginals(t)
  const [used, givenUp, neverTaken, givenUpLately] = hashes as [string, string, string, string]
  const unused = new Set([givenUp, givenUpLately])
  const freed: number[] = []
  const garbage = new OriginalsGarbage({
    store,
    uses: {
      knowsAll: () => true,
      released: (limit, after) => [...unused].filter((hash) => hash > after).slice(0, limit),
      isUsed: (hash) => hash === used,
      isRecorded: (hash) => hash !== neverTaken,
      forget: async ({ removed }) => removed.forEach((hash) => unused.delete(hash)),
    },
    everyMs: hour,
    sweepEveryMs: hour,
    minAgeMs: hour,
    onRemoved: (bytes) => freed.push(bytes),
    logger: pino({ level: 'silent' }),
  })
  t.after(() => garbage.close())
  await t.waitFor(async () => assert.equal(await store.size(neverTaken), undefined))
  assert.deepEqual([...unused], [givenUpLately])
  assert.deepEqual(freed, ['given up'.length, 'never taken'.length])
  assert.deepEqual((await listed(store)).map(({ contentHash }) => contentHash).sort(), [used, givenUpLately].sort())
})

test('an original of no image yet is left to the job that has stored it for a day; one of an image whose gallery gave it up is not', async (t) => {
  const { store, hashes } = await fourOriginals(t)
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  await putImages(galleries.images, 'a', [
    { ...newImage('p', unitVectors({ dimension: model.dimension, seed: 7 })()), contentHash: hashes[0]! },
  ])
  await galleries.changeRules('a', { originals: 'none', releaseOriginals: true })
  let hoursLater = 0
  const garbage = new OriginalsGarbage({
    store,
    uses: engineOf(galleries).originalUses,
    everyMs: 24 * hour,
    sweepEveryMs: 24 * hour,
    minAgeMs: hour,
    strayMinAgeMs: 24 * hour,
    logger: pino({ level: 'silent' }),
    clock: () => new Date(Date.now() + hoursLater * hour),
  })
  t.after(() => garbage.close())
  await t.waitFor(async () => assert.deepEqual((await listed(store)).length, 3))
  assert.equal(await store.size(hashes[0]!), undefined)
  hoursLater = 21
  assert.equal(await garbage.sweep(), 0)
  hoursLater = 23
  assert.equal(await garbage.sweep(), 2)
})

test('nothing is removed while a gallery is stored in another engine, whose pictures are not known here', async (t) => {
  const { store } = await fourOriginals(t)
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  const { originalUses: uses, catalogue } = engineOf(galleries)
  const { galleryUid } = await galleries.sets.serving('a')
  const { id: modelId, dimension } = model
  const uid = 'b5'.repeat(8)
  await catalogue.addSet({ uid, galleryUid, engine: 'weaviate', modelId, dimension, about: {} })
  const garbage = new OriginalsGarbage({
    store,
    uses,
    everyMs: hour,
    sweepEveryMs: hour,
    minAgeMs: hour,
    logger: pino({ level: 'silent' }),
  })
  t.after(() => garbage.close())
  assert.deepEqual([await garbage.collect(), await garbage.sweep(), (await listed(store)).length], [0, 0, 4])
  await catalogue.removeSet(uid)
  assert.deepEqual([await garbage.sweep(), (await listed(store)).length], [3, 1])
})

test('however many were given up lately, older ones are removed', async (t) => {
  const folder = await temporaryFolder(t)
  const store = new FolderOriginals(folder)
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  const vector = unitVectors({ dimension: model.dimension, seed: 7 })()
  const images = Array.from({ length: 202 }, (_, i) => newImage(`p${i}`, vector))
  await putImages(galleries.images, 'a', images)
  const hashes = images.map(({ contentHash }) => contentHash).sort()
  for (const hash of hashes) await store.put(hash, Buffer.from('given up'))
  const old = hashes.at(-1)!
  const at = new Date(Date.now() - 2 * hour)
  await utimes(join(folder, old.slice(0, 2), old.slice(2, 4), old), at, at)
  await removeImages(
    galleries.images,
    'a',
    images.map(({ id }) => id),
  )
  const uses = engineOf(galleries).originalUses
  const logger = pino({ level: 'silent' })
  const ages = { minAgeMs: hour, strayMinAgeMs: 24 * hour }
  const garbage = new OriginalsGarbage({ store, uses, everyMs: hour, sweepEveryMs: hour, ...ages, logger })
  t.after(() => garbage.close())
  await garbage.collect() // the constructor has begun with the first 200
  assert.equal(await store.size(old), undefined)
  assert.deepEqual(uses.released(1_000, ''), hashes.slice(0, -1))
  assert.deepEqual(uses.released(2, hashes[4]!), hashes.slice(5, 7))
})

test('originals that pictures use again are soon no longer looked at, and given up again they are removed', async (t) => {
  const folder = await temporaryFolder(t)
  const store = new FolderOriginals(folder)
  const dataDir = await dataFolder(t)
  const galleries = await openIn(t, dataDir)
  await galleries.create('a')
  const vector = unitVectors({ dimension: model.dimension, seed: 7 })()
  const images = Array.from({ length: 202 }, (_, i) => newImage(`p${i}`, vector))
  for (const { contentHash } of images) await store.put(contentHash, Buffer.from('kept'))
  await putImages(galleries.images, 'a', images)
  await putImages(
    galleries.images,
    'a',
    images.map((image) => ({ ...image, label: 'another' })),
  )
  const database = openForReading(join(dataDir, 'alike.db'))
  t.after(() => database.close())
  const listedThere = () => database.prepare('SELECT count(*) FROM released_original').pluck().get()
  assert.equal(listedThere(), 202)
  const uses = engineOf(galleries).originalUses
  const logger = pino({ level: 'silent' })
  const garbage = new OriginalsGarbage({ store, uses, everyMs: hour, sweepEveryMs: hour, minAgeMs: -hour, logger })
  t.after(() => garbage.close())
  await t.waitFor(() => assert.equal(listedThere(), 0))
  assert.equal((await listed(store)).length, 202)
  await removeImages(galleries.images, 'a', ['p7'])
  assert.equal(await garbage.collect(), 1)
  assert.deepEqual(
    [(await listed(store)).length, await store.size(images[7]!.contentHash), listedThere()],
    [201, undefined, 0],
  )
})

test('an original that is given up once more after it was found in use stays on the list', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  const vector = unitVectors({ dimension: model.dimension, seed: 7 })()
  const [kept, again] = [newImage('p', vector), newImage('q', vector)]
  await putImages(galleries.images, 'a', [kept, again, newImage('r', vector, { contentHash: kept.contentHash })])
  await removeImages(galleries.images, 'a', ['p', 'q'])
  const uses = engineOf(galleries).originalUses
  await uses.forget({ removed: [], usedAgain: [kept.contentHash, again.contentHash] })
  assert.deepEqual(uses.released(10, ''), [again.contentHash])
})

test('an original that its store refuses by itself does not keep the others', async (t) => {
  let refused = 'none'
  const { endpoint } = await bucketServer(t, {
    refuses: ({ method, url = '' }) =>
      method !== 'PUT' && new URL(url, 'http://bucket').pathname.includes(refused) ? 'AccessDenied' : undefined,
  })
  const credentials = { accessKeyId: 'alike', secretAccessKey: 'alikealike' }
  const place = { bucket: 'b', prefix: '', region: 'us-east-1', forcePathStyle: true }
  const store = new S3Originals({ ...place, endpoint, credentials })
  const hashes = ['a', 'b', 'c'].map((text) => hashOf(Buffer.from(text))).sort()
  for (const hash of hashes) await store.put(hash, Buffer.from('given up'))
  refused = hashes[0]!
  const unused = new Set(hashes.slice(0, 2))
  const garbage = new OriginalsGarbage({
    store,
    uses: {
      knowsAll: () => true,
      released: (limit, after) => [...unused].filter((hash) => hash > after).slice(0, limit),
      isUsed: (hash) => hash === hashes[2],
      isRecorded: () => true,
      forget: async ({ removed }) => removed.forEach((hash) => unused.delete(hash)),
    },
    everyMs: hour,
    sweepEveryMs: hour,
    minAgeMs: -hour,
    logger: pino({ level: 'silent' }),
  })
  t.after(() => garbage.close())
  await garbage.collect()
  assert.deepEqual([...unused], [refused])
  assert.equal(await garbage.sweep(), 0)
})

test('an original whose deletion alone is denied does not keep the others; it is counted, and logged once in an hour', async (t) => {
  let kept = 'none'
  const { endpoint } = await bucketServer(t, {
    refuses: ({ method, url = '' }) => (method === 'DELETE' && url.includes(kept) ? 'AccessDenied' : undefined),
  })
  const credentials = { accessKeyId: 'alike', secretAccessKey: 'alikealike' }
  const place = { bucket: 'b', prefix: '', region: 'us-east-1', forcePathStyle: true }
  const store = new S3Originals({ ...place, endpoint, credentials })
  const hashes = ['a', 'b', 'c'].map((text) => hashOf(Buffer.from(text))).sort()
  for (const hash of hashes) await store.put(hash, Buffer.from('given up'))
  kept = hashes[0]!
  const unused = new Set<string>()
  let begins = false
  const lines: { msg: string; contentHash: string }[] = []
  let denied = 0
  const garbage = new OriginalsGarbage({
    store,
    uses: {
      knowsAll: () => true,
      released: (limit, after) => [...unused].filter((hash) => hash > after).slice(0, limit),
      isUsed: () => false,
      isRecorded: () => true,
      forget: async ({ removed }) => removed.forEach((hash) => unused.delete(hash)),
    },
    areOwn: async () => begins, // nothing to do for the round that starts by itself
    everyMs: hour,
    sweepEveryMs: hour,
    minAgeMs: -hour,
    onDenied: () => denied++,
    logger: pino({}, { write: (line) => lines.push(JSON.parse(line) as (typeof lines)[number]) }),
  })
  t.after(() => garbage.close())
  await nextTurn()
  begins = true
  for (const hash of hashes.slice(0, 2)) unused.add(hash)
  assert.equal(await garbage.collect(), 1)
  assert.deepEqual([...unused], [kept])
  assert.equal(await garbage.sweep(), 1, 'the third one, which no list names')
  assert.deepEqual([denied, lines.map(({ contentHash }) => contentHash)], [2, [kept]])
  assert.match(lines[0]!.msg, /denies the deletion/)
})

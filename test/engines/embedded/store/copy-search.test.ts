import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { Snapshots } from '../../../../src/backups/snapshots.js'
import { copyCalls } from '../../../../src/engines/embedded/store/copies/copy-calls.js'
import { CopyQuestions } from '../../../../src/engines/embedded/store/copies/copy-questions.js'
import { openForReading, openForWriting } from '../../../../src/engines/embedded/store/database/database.js'
import { DescriptorTable } from '../../../../src/engines/embedded/store/images/descriptor-table.js'
import { copyWalksMax } from '../../../../src/gallery/copy-walks.js'
import { copyDescriptorOf, model, newImage, putImages, removeImages } from '../../../gallery/stored-images.js'
import { changedDescriptor, randomDescriptor } from '../../../support/copy-descriptors.js'
import { engineOf } from '../embedded-galleries.js'
import { dataFolder, openIn } from '../storage-folder.js'
import { seededRandom, unitVectors } from '../vector-index/unit-vectors.js'

const makeVector = unitVectors({ dimension: model.dimension, seed: 12 })
const vectors = Array.from({ length: 40 }, makeVector)
const random = seededRandom(13)
const descriptors = vectors.map(() => randomDescriptor(random))
const images = vectors.map((vector, i) => newImage(`p${i}`, vector, { copyDescriptor: descriptors[i] }))

test('descriptors follow their pictures through upserts, removals and a restart', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await openIn(t, dataDir)
  await first.create('a')
  await putImages(first.images, 'a', images)
  await putImages(first.images, 'a', [newImage('p1', vectors[1]!, { copyDescriptor: descriptors[2] })])
  await removeImages(first.images, 'a', ['p3'])
  await first.close()
  const second = await openIn(t, dataDir)
  const hex = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex')
  assert.deepEqual(
    (await Promise.all([0, 1, 3, 4].map((i) => copyDescriptorOf(second, 'a', `p${i}`)))).map(hex),
    [descriptors[0], descriptors[2], undefined, descriptors[4]].map(hex),
  )
  const copiesOf = async (copyDescriptor: Uint8Array) =>
    (
      await second.searches.search('a', {
        vector: vectors[9]!,
        k: 10,
        copyDescriptors: [copyDescriptor],
        copiesFrom: 0.4,
      })
    ).hits
      .map(({ record }) => record.id)
      .sort()
  assert.deepEqual(await copiesOf(changedDescriptor(descriptors[2]!, 0.1, random)), ['p1', 'p2'])
  assert.deepEqual(await copiesOf(descriptors[3]!), [])
  assert.deepEqual(await copiesOf(randomDescriptor(random)), [])
})

test('a damaged descriptor affects one picture, and a snapshot names it', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await openIn(t, dataDir)
  await first.create('a')
  await putImages(first.images, 'a', images)
  await first.close()
  const database = openForWriting(join(dataDir, 'alike.db'), { maxBytes: 0 })
  const { key, descriptor } = database.prepare('SELECT * FROM copy_descriptor ORDER BY key LIMIT 1 OFFSET 5').get() as {
    key: number
    descriptor: Buffer
  }
  descriptor[77]! ^= 4
  database.prepare('UPDATE copy_descriptor SET descriptor = ? WHERE key = ?').run(descriptor, key)
  database.close()

  const galleries = await openIn(t, dataDir)
  const { hits } = await galleries.searches.search('a', {
    vector: vectors[5]!,
    k: 40,
    copyDescriptors: [descriptors[7]!],
    duplicateScore: 0.4,
  })
  assert.deepEqual(
    hits.filter(({ nearCopyScore }) => nearCopyScore === null).map(({ record }) => record.id),
    ['p5'],
  )
  assert.deepEqual(
    hits.filter(({ nearCopyScore }) => nearCopyScore === 1).map(({ record }) => record.id),
    ['p7'],
  )
  assert.equal(await copyDescriptorOf(galleries, 'a', 'p5'), undefined)
  const snapshots = await Snapshots.open({
    dataDir,
    max: 1,
    modelId: model.id,
    serviceVersion: '0',
    logger: pino({ level: 'silent' }),
  })
  t.after(() => snapshots.close())
  const { id } = await snapshots.create()
  while ((await snapshots.get(id)).state === 'writing') await new Promise((resolve) => setImmediate(resolve))
  const { state, manifest } = await snapshots.get(id)
  assert.deepEqual([state, manifest?.damagedImages], ['ready', { count: 1, first: [{ gallery: 'a', id: 'p5' }] }])
})

test('a search for copies ends soon after its caller has left', async (t) => {
  const dataDir = await dataFolder(t)
  const galleries = await openIn(t, dataDir)
  await galleries.create('a')
  const many = Array.from({ length: 3_500 }, (_, i) => {
    const copyDescriptor = descriptors[i % descriptors.length]
    return newImage(`p${i}`, vectors[i % vectors.length]!, { copyDescriptor })
  })
  await putImages(galleries.images, 'a', many)
  const database = openForReading(join(dataDir, 'alike.db'))
  t.after(() => database.close())
  const table = new DescriptorTable(database)
  const pages = t.mock.method(table, 'page').mock
  const calls = copyCalls(table)
  const copies = new CopyQuestions(async (name, request) => calls[name](request as never) as never)
  const [[gallery]] = database.prepare('SELECT number FROM embedding_set').raw().all() as [[number]]
  const query = { descriptors: [descriptors[0]!], least: 0.4 }

  assert.ok((await copies.find(gallery, query)).length > 80)
  assert.equal(pages.callCount(), 4)
  const leaving = new AbortController()
  const left = copies.find(gallery, query, leaving.signal)
  leaving.abort(new Error('left'))
  await assert.rejects(left, /left/)
  assert.equal(pages.callCount(), 5)
  assert.equal(copies.depth, 0)
  await assert.rejects(copies.find(gallery, query, leaving.signal), /left/)
  assert.equal(pages.callCount(), 5)
})

test('scans over galleries are bounded in total, and refused beyond that', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  for (const name of ['a', 'b']) {
    await galleries.create(name)
    await putImages(galleries.images, name, images)
  }
  const walk = (i = 0) =>
    galleries.searches.search(i % 2 === 0 ? 'a' : 'b', {
      vector: vectors[0]!,
      k: 1,
      copyDescriptors: [descriptors[0]!],
      copiesFrom: 0.4,
    })
  const outcomes = await Promise.allSettled(Array.from({ length: copyWalksMax + 3 }, (_, i) => walk(i)))
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
  assert.equal(refused.length, 3)
  for (const { reason } of refused) assert.equal((reason as { code: string }).code, 'overloaded')
  assert.deepEqual([engineOf(galleries).copyQueueDepth, galleries.searches.copyWalks], [0, 0])
  assert.equal((await walk()).hits[0]?.record.id, 'p0')
})

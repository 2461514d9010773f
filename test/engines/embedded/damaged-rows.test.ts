/** One bit of any served value, flipped on disk: it is detected, or the answer is the same. */
import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { RemovedSetTable } from '../../../src/engines/embedded/store/catalogue/removed-set-table.js'
import { type Database, openForWriting } from '../../../src/engines/embedded/store/database/database.js'
import { examineDatabase } from '../../../src/engines/embedded/store/database/examine-database.js'
import { LayoutTable } from '../../../src/engines/embedded/store/images/layout-table.js'
import { WebhookTable } from '../../../src/engines/embedded/store/jobs/webhook-table.js'
import { AlikeError } from '../../../src/errors.js'
import type { Galleries } from '../../../src/gallery/galleries.js'
import type { LayoutAbout } from '../../../src/gallery/layout.js'
import { embeddingOf, listGalleries, model, newImage, putImages, removeImages } from '../../gallery/stored-images.js'
import { damageImage, damageRow } from '../../support/stored-rows.js'
import { dueWebhooks } from '../../support/webhooks.js'
import { jobsOf } from './embedded-galleries.js'
import { dataFolder, openIn } from './storage-folder.js'
import { seededRandom, unitVectors } from './vector-index/unit-vectors.js'

const bits = 6

/** A closed gallery with two jobs, one with an error report and one with a result. */
async function withJobs(t: TestContext): Promise<Buffer> {
  const dataDir = await dataFolder(t)
  const galleries = await openIn(t, dataDir)
  await galleries.create('gallery-of-the-test', { setting: 'value-of-the-setting' })
  const make = (id: string, kind: 'ingest' | 'doctor') =>
    jobsOf(galleries).create({ id, kind, gallery: 'gallery-of-the-test', source: { kind: 'source-of-the-job' } })
  await make('job-that-failed-items', 'ingest')
  await jobsOf(galleries).transition('job-that-failed-items', { from: ['queued'], to: 'running' })
  const errors = Array.from({ length: 20 }, (_, item) => ({
    item,
    name: `name-of-item-${item}`,
    code: 'image_empty',
    detail: `detail-of-item-${item}`,
  }))
  await jobsOf(galleries).advance({ jobId: 'job-that-failed-items', position: 20, errors })
  await make('job-with-a-result', 'doctor')
  await jobsOf(galleries).transition('job-with-a-result', { from: ['queued'], to: 'running' })
  await jobsOf(galleries).finish('job-with-a-result', { total: 3, result: '{"found":"result-of-the-job"}' })
  await galleries.close()
  return readFile(join(dataDir, 'alike.db'))
}

const asked: ((galleries: Galleries) => unknown)[] = [
  (galleries) => listGalleries(galleries),
  (galleries) => jobsOf(galleries).list(),
  (galleries) => jobsOf(galleries).list({ kinds: ['doctor'] }),
  (galleries) => jobsOf(galleries).list({ gallery: 'gallery-of-the-test', states: ['running'] }),
  async (galleries) => [
    await jobsOf(galleries).get('job-that-failed-items'),
    await jobsOf(galleries).get('job-with-a-result'),
  ],
  (galleries) => jobsOf(galleries).errors('job-that-failed-items'),
  (galleries) => jobsOf(galleries).errors('job-that-failed-items', { fromItem: 7, limit: 5 }),
  (galleries) => jobsOf(galleries).result('job-with-a-result'),
]

function answersOf(galleries: Galleries): Promise<unknown[]> {
  return Promise.all(
    asked.map(async (ask) => {
      try {
        return await ask(galleries)
      } catch (error) {
        if (error instanceof AlikeError && error.code === 'data_unreadable') return 'said'
        throw error
      }
    }),
  )
}

for (const value of [
  'name-of-item-13',
  'detail-of-item-4',
  'image_empty',
  'result-of-the-job',
  'source-of-the-job',
  'doctor',
  'running',
  'succeeded',
  'gallery-of-the-test',
  'value-of-the-setting',
  'job-with-a-result',
]) {
  test(`a flipped bit in "${value}", wherever it is stored, is never served`, async (t) => {
    const whole = await withJobs(t)
    const dataDir = await dataFolder(t)
    await writeFile(join(dataDir, 'alike.db'), whole)
    const sound = await openIn(t, dataDir)
    const truth = await answersOf(sound)
    await sound.close()
    const random = seededRandom(7)
    const places: number[] = []
    for (let at = whole.indexOf(value); at !== -1; at = whole.indexOf(value, at + 1)) places.push(at)
    assert.ok(places.length > 0)
    for (const place of places.slice(0, bits)) {
      const bytes = Buffer.from(whole)
      bytes[place + Math.floor(random() * value.length)]! ^= 1 << Math.floor(random() * 7)
      const damaged = await dataFolder(t)
      await writeFile(join(damaged, 'alike.db'), bytes)
      const galleries = await openIn(t, damaged).catch((error: unknown) => {
        assert.ok(error instanceof AlikeError && error.code === 'data_unreadable', String(error))
      })
      for (const [i, answer] of (galleries === undefined ? [] : await answersOf(galleries)).entries()) {
        if (answer !== 'said') assert.deepEqual(answer, truth[i], `answer ${i}, byte ${place}`)
      }
      await galleries?.close()
    }
  })
}

for (const [what, sql, ask] of [
  [
    'a line of an error report',
    'DELETE FROM job_error WHERE item = 5',
    (galleries) => jobsOf(galleries).errors('job-that-failed-items'),
  ],
  ['the result of a job', 'DELETE FROM job_result', (galleries) => jobsOf(galleries).result('job-with-a-result')],
] satisfies [string, string, (galleries: Galleries) => Promise<unknown>][]) {
  test(`a missing ${what} is detected`, async (t) => {
    const dataDir = await dataFolder(t)
    const path = join(dataDir, 'alike.db')
    await writeFile(path, await withJobs(t))
    const database = openForWriting(path, { maxBytes: 0 })
    database.exec(sql)
    database.close()
    const galleries = await openIn(t, dataDir)
    await assert.rejects(ask(galleries), { code: 'data_unreadable', detail: /missing/ })
  })
}

test('a damaged webhook is not sent, and the others are', async (t) => {
  const dataDir = await dataFolder(t)
  const galleries = await openIn(t, dataDir)
  await galleries.create('a')
  const jobs = jobsOf(galleries)
  for (const id of ['one', 'two']) {
    await jobs.create({ id, gallery: 'a', source: null, webhook: `https://example.org/${id}` })
    await jobs.transition(id, { from: ['queued'], to: 'cancelled' })
  }
  damageRow(dataDir, 'webhook', 'url', 'https://example.com/one')
  assert.deepEqual(
    (await dueWebhooks(jobs)).map(({ jobId }) => jobId),
    ['two'],
  )
})

test('a job whose webhook is damaged, so that nobody is notified of it, is forgotten like others', async (t) => {
  const dataDir = await dataFolder(t)
  const galleries = await openIn(t, dataDir)
  await galleries.create('a')
  const jobs = jobsOf(galleries)
  for (const id of ['one', 'two', 'three'])
    await jobs.create({ id, gallery: 'a', source: null, webhook: `https://example.org/${id}` })
  for (const id of ['one', 'two']) await jobs.transition(id, { from: ['queued'], to: 'cancelled' })
  damageRow(dataDir, 'webhook', 'url', 'https://example.com/one')
  const later = new Date(Date.now() + 1_000).toISOString()
  assert.equal(await jobs.forget(later), 1)
  assert.deepEqual((await jobs.list()).map(({ id }) => id).sort(), ['three', 'two'], 'somebody has yet to be notified')
})

test('a picture with a damaged embedding counts as unfindable until it is stored again', async (t) => {
  const dataDir = await dataFolder(t)
  const sound = await openIn(t, dataDir)
  const vectors = Array.from({ length: 5 }, unitVectors({ dimension: model.dimension, seed: 3 }))
  await sound.create('a')
  await putImages(
    sound.images,
    'a',
    vectors.map((vector, i) => newImage(`p${i}`, vector)),
  )
  await sound.close()
  const path = join(dataDir, 'alike.db')
  const bytes = await readFile(path)
  const place = bytes.indexOf(Buffer.from(vectors[2]!.buffer))
  assert.ok(place > 0)
  bytes[place + 9]! ^= 4
  await writeFile(path, bytes)

  const galleries = await openIn(t, dataDir)
  const unfindable = async () => (await galleries.readings.all())[0]?.unfindable
  const found = async () =>
    (await galleries.searches.search('a', { vector: vectors[2]!, k: 5 })).hits.map(({ record }) => record.id).sort()
  assert.equal(await unfindable(), 1)
  assert.deepEqual(await found(), ['p0', 'p1', 'p3', 'p4'])
  await assert.rejects(embeddingOf(galleries, 'a', 'p2'), { code: 'data_unreadable' })
  await putImages(galleries.images, 'a', [newImage('p2', vectors[2]!)])
  assert.equal(await unfindable(), 0)
  assert.deepEqual(await found(), ['p0', 'p1', 'p2', 'p3', 'p4'])
})

test('a picture with a damaged record is not deleted by a filter that the damage may have made it match', async (t) => {
  const dataDir = await dataFolder(t)
  const makeVector = unitVectors({ dimension: model.dimension, seed: 4 })
  const first = await openIn(t, dataDir)
  await first.create('a')
  await putImages(first.images, 'a', [
    newImage('one', makeVector(), { label: 'cat' }),
    newImage('two', makeVector(), { label: 'bat' }),
  ])
  await first.close()
  damageImage(dataDir, 'one', 'label', 'bat')
  const galleries = await openIn(t, dataDir, { damagedRecords: 'named' })
  assert.equal(await galleries.images.removeFitting('a', { field: 'label', in: ['bat'] }), 1)
  const { images } = await galleries.images.page('a')
  assert.deepEqual(
    images.map(({ id, unreadable }) => [id, unreadable]),
    [['one', 'record']],
  )
  assert.equal((await galleries.get('a')).count, 1)
  assert.deepEqual(await removeImages(galleries.images, 'a', ['one']), ['one'])
})

test('a change of every match leaves damaged records, and merges nothing into metadata that cannot be read', async (t) => {
  const dataDir = await dataFolder(t)
  const makeVector = unitVectors({ dimension: model.dimension, seed: 4 })
  const first = await openIn(t, dataDir)
  await first.create('a')
  // deeper than is read, as older versions stored it
  const nested = JSON.parse(`${'{"in":'.repeat(1_050)}1${'}'.repeat(1_050)}`)
  await putImages(first.images, 'a', [
    newImage('deep', makeVector(), { label: 'bat', metadata: nested }),
    newImage('one', makeVector(), { label: 'cat' }),
    newImage('two', makeVector(), { label: 'bat', metadata: { n: 1 } }),
  ])
  await first.close()
  damageImage(dataDir, 'one', 'label', 'bat')
  const { images } = await openIn(t, dataDir, { damagedRecords: 'named' })
  const filter = { field: 'label', in: ['bat'] }
  const merge = { members: { merged: true }, maxBytes: 16_384 }
  assert.equal(await images.changeFitting('a', { filter, change: { merge } }), 1)
  await assert.rejects(images.patch('a', 'deep', { merge }), { code: 'image_damaged' })
  assert.equal(await images.changeFitting('a', { filter, change: { label: 'cat' } }), 2)
  const found = await images.find('a', ['deep', 'one', 'two'])
  assert.deepEqual(
    found.map(({ label, metadata, unreadable }) => [label, metadata, unreadable]),
    [
      ['cat', {}, 'metadata'],
      [null, {}, 'record'],
      ['cat', { n: 1, merged: true }, undefined],
    ],
  )
})

test('of several patches, only that of a picture with a damaged record is refused', async (t) => {
  const dataDir = await dataFolder(t)
  const makeVector = unitVectors({ dimension: model.dimension, seed: 4 })
  const first = await openIn(t, dataDir)
  await first.create('a')
  await putImages(first.images, 'a', [newImage('one', makeVector(), { label: 'cat' }), newImage('two', makeVector())])
  await first.close()
  damageImage(dataDir, 'one', 'label', 'bat')
  const galleries = await openIn(t, dataDir, { damagedRecords: 'named' })
  const patches = ['one', 'two'].map((id) => ({ patch: id, change: { metadata: { patched: true } } }))
  assert.deepEqual(await galleries.images.change('a', patches), [{ refused: 'image_damaged' }, { patched: true }])
  assert.deepEqual((await galleries.images.get('a', 'two'))?.metadata, { patched: true })
})

test('a damaged error report or result prevents a snapshot', async (t) => {
  const whole = await withJobs(t)
  for (const value of ['name-of-item-13', 'result-of-the-job']) {
    const bytes = Buffer.from(whole)
    bytes[whole.indexOf(value)]! ^= 1
    const path = join(await dataFolder(t), 'alike.db')
    await writeFile(path, bytes)
    assert.throws(() => examineDatabase(path), { code: 'data_unreadable' })
  }
})

for (const [table, column, add] of [
  ['webhook', 'url', (database) => new WebhookTable(database).add(1, 'https://example.org/')],
  ['removed_set', 'engine', (database) => new RemovedSetTable(database).add([{ uid: 'a', engine: 'weaviate' }], '')],
  ['layout', 'about', (database) => new LayoutTable(database).finish(1, 1, {} as LayoutAbout)],
] satisfies [string, string, (database: Database) => void][]) {
  test(`a damaged row of the table ${table}, which the service does without, prevents neither a snapshot nor its restoring`, async (t) => {
    const path = join(await dataFolder(t), 'alike.db')
    await writeFile(path, await withJobs(t))
    const change = (how: (database: Database) => void) => {
      const database = openForWriting(path, { maxBytes: 0 })
      how(database)
      database.close()
    }
    change(add)
    examineDatabase(path)
    change((database) => database.exec(`UPDATE ${table} SET ${column} = '{"x":1}'`))
    examineDatabase(path)
  })
}

test('a filtered search that would return a picture with damaged metadata reports it instead of omitting the picture', async (t) => {
  const dataDir = await dataFolder(t)
  const vectors = Array.from({ length: 20 }, unitVectors({ dimension: model.dimension, seed: 3 }))
  const first = await openIn(t, dataDir)
  await first.create('a')
  await putImages(
    first.images,
    'a',
    vectors.map((vector, i) => newImage(`p${i}`, vector, { metadata: { place: `place-${i % 2}`, n: i } })),
  )
  await first.close()
  const path = join(dataDir, 'alike.db')
  const database = openForWriting(path, { maxBytes: 0 })
  database.exec(`UPDATE image SET metadata = '{"place":"qlace-0","n":4}' WHERE id = 'p4'`)
  database.close()

  const galleries = await openIn(t, dataDir)
  const filter = { field: 'metadata.place', in: ['place-0'] }
  await assert.rejects(async () => galleries.searches.search('a', { vector: vectors[4]!, k: 3, filter }), {
    code: 'data_unreadable',
  })
  const elsewhere = { field: 'metadata.place', in: ['place-1'] }
  assert.equal(
    (await galleries.searches.search('a', { vector: vectors[5]!, k: 1, filter: elsewhere })).hits[0]?.record.id,
    'p5',
    'the others are found',
  )
  assert.equal(await galleries.images.removeFitting('a', filter), 9, 'what might not match is not removed')
})

import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { openForReading, openForWriting } from '../../../src/engines/embedded/store/database/database.js'
import { schemaVersion } from '../../../src/engines/embedded/store/database/schema.js'
import { IndexPart } from '../../../src/engines/embedded/vector-index/index-thread.js'
import { model, newImage, putImages, removeImages } from '../../gallery/stored-images.js'
import { dropYounger, takeBackReferences, takeBackSets } from '../../support/stored-rows.js'
import { until } from '../../support/until.js'
import { engineOf, jobsOf } from './embedded-galleries.js'
import { dataFolder, openIn, settled } from './storage-folder.js'
import { unitVectors } from './vector-index/unit-vectors.js'

const vectors = Array.from({ length: 500 }, unitVectors({ dimension: model.dimension, seed: 31 }))
const images = vectors.map((vector, i) => newImage(`p${i}`, vector))

test('closing writes a graph cache that the next start uses, without removed pictures', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await openIn(t, dataDir)
  await first.create('a')
  await putImages(first.images, 'a', images)
  await settled(first)
  await removeImages(first.images, 'a', ['p7'])
  const before = (await first.searches.search('a', { vector: vectors[7]!, k: 20, exact: true })).hits
  await first.close()
  assert.equal((await readdir(join(dataDir, 'index'))).length, 2)

  const second = await openIn(t, dataDir)
  const [reading] = await second.readings.all()
  assert.deepEqual(reading && [reading.size, reading.tombstones, reading.pending, reading.rebuilds], [499, 1, 0, 0])
  const after = await second.searches.search('a', { vector: vectors[7]!, k: 20, ef: 60 })
  assert.equal(after.method, 'hnsw')
  assert.deepEqual(after.hits, before)
})

test('a graph cache that could not be written is written later, although nothing has changed', async (t) => {
  const dataDir = await dataFolder(t)
  const folder = join(dataDir, 'index')
  const galleries = await openIn(t, dataDir)
  await galleries.create('a')
  await writeFile(folder, 'in the way')
  await putImages(galleries.images, 'a', images)
  await settled(galleries)
  await engineOf(galleries).saveGraphCaches()
  await rm(folder)
  await galleries.close()
  assert.equal((await readdir(folder)).length, 2)
})

test('a graph cache is written when it is due, although the clock has been set back', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const dataDir = await dataFolder(t)
  const galleries = await openIn(t, dataDir, { storage: { graphCacheAfterSeconds: 0.01 } })
  await galleries.create('a')
  await putImages(galleries.images, 'a', images)
  await settled(galleries)
  const written = async () => (await readdir(join(dataDir, 'index'))).find((name) => name.endsWith('.hnsw'))
  const before = await written()
  t.mock.method(Date, 'now', () => 0)
  await removeImages(galleries.images, 'a', ['p7'])
  await until(async () => {
    t.mock.timers.tick(5_000)
    return (await written()) !== before
  }, 'another graph cache')
})

test('the deletion of a gallery whose graph cache is due is no warning', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const lines: string[] = []
  const galleries = await openIn(t, await dataFolder(t), {
    storage: { graphCacheAfterSeconds: 0.01 },
    logger: pino({ level: 'warn' }, { write: (line) => void lines.push(line) }),
  })
  await galleries.create('a')
  await putImages(galleries.images, 'a', images)
  await settled(galleries)
  await removeImages(galleries.images, 'a', ['p7'])
  const { refresh } = IndexPart.prototype
  let refreshed: Promise<void> | undefined
  const removal = new EventEmitter()
  const removed = once(removal, 'removed')
  t.mock.method(IndexPart.prototype, 'refresh', function (this: IndexPart) {
    refreshed = removed.then(() => refresh.call(this))
    return refreshed
  })
  await until(() => {
    t.mock.timers.tick(5_000)
    return refreshed !== undefined
  }, 'the look whether a graph cache is due')
  await galleries.delete('a')
  removal.emit('removed')
  await assert.rejects(refreshed!, { code: 'gallery_not_found' })
  await galleries.close()
  assert.deepEqual(lines, [])
})

test('a set that was opened before its model was installed is searched from then on, whoever holds it', async (t) => {
  const dataDir = await dataFolder(t)
  const former = await openIn(t, dataDir)
  await former.create('a')
  await putImages(former.images, 'a', images)
  await former.close()

  const galleries = await openIn(t, dataDir, { model: { ...model, id: 'another' } })
  const engine = engineOf(galleries)
  const set = await galleries.sets.serving('a')
  const opened = await engine.open(set)
  const first = async () => (await opened.nearest({ vector: vectors[0]! })).first(1)
  await assert.rejects(first(), { code: 'model_mismatch' })
  // removed while the index is being built
  const [searchable] = await Promise.all([engine.open({ ...set, state: 'ready' }), opened.change([{ remove: 'p0' }])])
  assert.equal(searchable, opened)
  assert.notEqual((await first())[0]?.record.id, 'p0')
  assert.equal((await opened.state()).size, images.length - 1)
})

test('however the graph cache is damaged, the answers are right and it is rewritten', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await openIn(t, dataDir)
  await first.create('a')
  await putImages(first.images, 'a', images)
  await settled(first)
  await first.close()
  const folder = join(dataDir, 'index')
  const damages: ((graph: string, note: string) => Promise<void>)[] = [
    (graph) => truncate(graph, 30_000),
    (graph) => rm(graph),
    (_, note) => rm(note),
    (_, note) => writeFile(note, '{}'),
    async (graph) => {
      const bytes = await readFile(graph)
      bytes.fill(0, 5_000, 9_000)
      await writeFile(graph, bytes)
    },
  ]
  for (const damage of damages) {
    const names = await readdir(folder)
    const path = (end: string): string => join(folder, names.find((name) => name.endsWith(end))!)
    await damage(path('.hnsw'), path('.json'))
    const galleries = await openIn(t, dataDir)
    for (const i of [0, 250, 499]) {
      assert.equal((await galleries.searches.search('a', { vector: vectors[i]!, k: 1 })).hits[0]?.record.id, `p${i}`)
    }
    await settled(galleries)
    assert.equal((await galleries.searches.search('a', { vector: vectors[3]!, k: 1, ef: 60 })).method, 'hnsw')
    await galleries.close()
  }
})

test('a second process, or a second opening, cannot use the folder', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await openIn(t, dataDir)
  await assert.rejects(openIn(t, dataDir), { code: 'data_unreadable', detail: 'Another process is using it.' })
  await first.close()
  await openIn(t, dataDir)
})

test('a folder that cannot be created and a file that is not a database are refused with a reason', async (t) => {
  const dataDir = await dataFolder(t)
  await writeFile(join(dataDir, 'file'), 'x')
  await assert.rejects(openIn(t, join(dataDir, 'file')), { code: 'data_unreadable' })
  await writeFile(join(dataDir, 'alike.db'), Buffer.alloc(20_000, 'no database'))
  await assert.rejects(openIn(t, dataDir), { code: 'data_unreadable' })
})

test('databases of other programs and of newer versions are not touched', async (t) => {
  for (const statement of [
    'CREATE TABLE something (x)',
    'PRAGMA user_version = 99; PRAGMA application_id = 1095518539',
  ]) {
    const dataDir = await dataFolder(t)
    const database = openForWriting(join(dataDir, 'alike.db'), { maxBytes: 0 })
    database.exec(statement)
    database.close()
    await assert.rejects(openIn(t, dataDir), { code: 'data_unreadable', detail: /another program|newer version/ })
  }
})

test('a database of version 2, without removal counts, is migrated with its jobs', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await openIn(t, dataDir)
  await first.create('a')
  await jobsOf(first).create({ id: 'j', gallery: 'a', source: null })
  await jobsOf(first).transition('j', { from: ['queued'], to: 'running' })
  await putImages(first.images, 'a', images.slice(0, 3), { jobId: 'j', position: 3 })
  await first.close()
  const database = openForWriting(join(dataDir, 'alike.db'), { maxBytes: 0 })
  dropYounger(database)
  database.exec(
    `DROP TABLE copy_descriptor; ALTER TABLE job DROP COLUMN removed; ALTER TABLE job DROP COLUMN trials; ALTER TABLE job DROP COLUMN replaced; ALTER TABLE job DROP COLUMN names_assumed; PRAGMA user_version = 2`,
  )
  database.close()

  const second = await openIn(t, dataDir)
  await second.images.change('a', [{ remove: 'p0' }], { jobId: 'j', position: 4 })
  assert.deepEqual(
    [
      (await jobsOf(second).get('j'))?.added,
      (await jobsOf(second).get('j'))?.removed,
      (await jobsOf(second).get('j'))?.done,
    ],
    [3, 1, 4],
  )
})

test('a database of version 3, whose error reports had no checksums, is migrated with its reports, which are verified from then on', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await openIn(t, dataDir)
  await first.create('a')
  await jobsOf(first).create({ id: 'j', gallery: 'a', source: null })
  await jobsOf(first).transition('j', { from: ['queued'], to: 'running' })
  const errors = Array.from({ length: 2_500 }, (_, item) => ({
    item,
    name: `grüße/${item}.jpg`,
    code: 'image_empty',
    detail: 'It is "empty".',
  }))
  await jobsOf(first).advance({ jobId: 'j', position: errors.length, errors })
  await first.close()
  const path = join(dataDir, 'alike.db')
  const change = (sql: string) => {
    const database = openForWriting(path, { maxBytes: 0 })
    database.exec(sql)
    database.close()
  }
  const older = openForWriting(path, { maxBytes: 0 })
  dropYounger(older)
  older.close()
  change(
    `DROP TABLE copy_descriptor; ALTER TABLE job_error DROP COLUMN checksum; ALTER TABLE job DROP COLUMN trials; ALTER TABLE job DROP COLUMN replaced; ALTER TABLE job DROP COLUMN names_assumed; PRAGMA user_version = 3`,
  )

  const second = await openIn(t, dataDir)
  const pages = [0, 1_000, 2_000].map((fromItem) => jobsOf(second).errors('j', { fromItem, limit: 1_000 }))
  assert.deepEqual((await Promise.all(pages)).flat(), errors)
  await second.close()
  change(`UPDATE job_error SET detail = 'It is "empty",' WHERE item = 2400`)
  const third = await openIn(t, dataDir)
  assert.equal((await jobsOf(third).errors('j', { limit: 1_000 })).length, 1_000)
  await assert.rejects(jobsOf(third).errors('j', { fromItem: 2_000 }), { code: 'data_unreadable' })
})

test('the rows of a deleted gallery are removed, even if the process stops in between', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await openIn(t, dataDir)
  await first.create('kept')
  await putImages(first.images, 'kept', images.slice(0, 10))
  await first.create('gone')
  for (let i = 0; i < 500; i += 100) await putImages(first.images, 'gone', images.slice(i, i + 100))
  await first.delete('gone')
  await first.close()

  const second = await openIn(t, dataDir)
  const reader = openForReading(join(dataDir, 'alike.db'))
  t.after(() => void reader.close())
  const counts = (): unknown =>
    reader
      .prepare(
        `SELECT (SELECT count(*) FROM gallery), (SELECT count(*) FROM image), (SELECT count(*) FROM embedding), (SELECT count(*) FROM thumbnail)`,
      )
      .raw()
      .get()
  await until(() => (counts() as number[])[0] === 1)
  assert.deepEqual(counts(), [1, 10, 10, 10])
  assert.equal((await second.searches.search('kept', { vector: vectors[0]!, k: 100 })).hits.length, 10)
})

test('a database from before jobs had kinds is migrated, and its rows stay valid', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await openIn(t, dataDir)
  await first.create('a')
  await putImages(first.images, 'a', images.slice(0, 3))
  await jobsOf(first).create({ id: 'old', gallery: 'a', source: { kind: 'tar' }, total: 3 })
  const before = await jobsOf(first).get('old')
  await first.close()
  // an ingestion's row is the same in version 1, except for the columns
  const database = openForWriting(join(dataDir, 'alike.db'), { maxBytes: 0 })
  dropYounger(database)
  database.exec(
    `DROP TABLE copy_descriptor; DROP TABLE job_result; ALTER TABLE job DROP COLUMN kind; ALTER TABLE job DROP COLUMN removed; ALTER TABLE job DROP COLUMN trials; ALTER TABLE job DROP COLUMN replaced; ALTER TABLE job DROP COLUMN names_assumed; PRAGMA user_version = 1`,
  )
  database.close()

  const second = await openIn(t, dataDir)
  assert.deepEqual(await jobsOf(second).get('old'), before)
  await jobsOf(second).transition('old', { from: ['queued'], to: 'running' })
  await putImages(second.images, 'a', images.slice(3, 5), { jobId: 'old', position: 2 })
  assert.deepEqual([(await jobsOf(second).get('old'))?.kind, (await jobsOf(second).get('old'))?.added], ['ingest', 2])
})

test('a database whose galleries had one set each is migrated: pictures, graph cache and a gallery being removed', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await openIn(t, dataDir)
  await first.create('a')
  await putImages(first.images, 'a', images)
  await settled(first)
  const before = await first.get('a')
  await first.close()
  const database = openForWriting(join(dataDir, 'alike.db'), { maxBytes: 0 })
  takeBackSets(database)
  database.exec(`
    INSERT INTO gallery (number, name, uid, model_id, dimension, settings, count, next_slot, created_at, updated_at, checksum)
    SELECT number + 1, NULL, 'gone', model_id, dimension, '{}', 0, 0, created_at, updated_at, 0 FROM gallery`)
  database.pragma('user_version = 15')
  database.close()

  const second = await openIn(t, dataDir)
  const { setUid, ...after } = await second.get('a')
  const { setUid: _, ...same } = before
  assert.deepEqual([after, setUid], [same, before.uid], 'the first set has the uid of its gallery')
  assert.equal((await second.searches.search('a', { vector: vectors[3]!, k: 1 })).hits[0]?.record.id, images[3]!.id)
  const reader = openForReading(join(dataDir, 'alike.db'))
  t.after(() => void reader.close())
  const left = reader.prepare<[], number>('SELECT count(*) FROM gallery').pluck()
  await until(() => left.get() === 1, 'the end of the removed gallery')
  assert.deepEqual(reader.pragma('foreign_key_check'), [])
  assert.equal(reader.pragma('integrity_check', { simple: true }), 'ok')
  await putImages(second.images, 'a', [{ ...images[0]!, id: 'another' }])
  await second.create('b')
  await second.delete('b')
})

test('a database without picture references is migrated, and its rows stay valid', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await openIn(t, dataDir)
  await first.create('a')
  await putImages(first.images, 'a', images.slice(0, 3))
  await first.close()
  const database = openForWriting(join(dataDir, 'alike.db'), { maxBytes: 0 })
  takeBackReferences(database)
  database.pragma('user_version = 16')
  database.close()

  const lines: Record<string, unknown>[] = []
  const logger = pino({ base: null, timestamp: false }, { write: (line) => void lines.push(JSON.parse(line)) })
  const second = await openIn(t, dataDir, { logger })
  const migration = { level: 30, store: 'alike.db', from: 16, to: schemaVersion }
  const [begun, { ms, ...ended } = {}, ...others] = lines.filter(({ store }) => store !== undefined)
  assert.deepEqual(begun, { ...migration, msg: 'the tables of an older version are being migrated' })
  assert.deepEqual(ended, { ...migration, msg: 'the tables are migrated' })
  assert.deepEqual([typeof ms, others], ['number', []])
  assert.deepEqual((await second.get('a')).rules, { originals: 'keep', holdsOriginals: true, keepQueries: 0 })
  const found = await second.images.find(
    'a',
    images.slice(0, 3).map(({ id }) => id),
  )
  assert.deepEqual(
    found.map(({ unreadable, reference }) => [unreadable, reference]),
    Array(3).fill([undefined, undefined]),
  )
  assert.equal((await second.searches.search('a', { vector: vectors[1]!, k: 1 })).hits[0]?.record.id, images[1]!.id)
  await putImages(second.images, 'a', [{ ...images[0]!, reference: 's3://photos/a.jpg' }])
  await second.changeRules('a', { originals: 'reference' })
  await second.close()
  lines.length = 0
  const third = await openIn(t, dataDir, { logger })
  assert.deepEqual(
    lines.filter(({ store }) => store !== undefined),
    [],
  )
  assert.equal((await third.images.get('a', images[0]!.id))?.reference, 's3://photos/a.jpg')
  assert.equal((await third.get('a')).rules.originals, 'reference')
})

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  type Database,
  openForReading,
  openForWriting,
} from '../../../../src/engines/embedded/store/database/database.js'
import { migrate } from '../../../../src/engines/embedded/store/database/schema.js'
import { GalleryWrites } from '../../../../src/engines/embedded/store/writing/gallery-writes.js'
import { WriteGroups } from '../../../../src/engines/embedded/store/writing/write-groups.js'
import { AlikeError } from '../../../../src/errors.js'
import { dataFolder } from '../storage-folder.js'

async function open(
  t: TestContext,
): Promise<{ database: Database; groups: WriteGroups; insert: (n: number) => void; stored: () => number[] }> {
  const path = join(await dataFolder(t), 'groups.db')
  const database = openForWriting(path, { maxBytes: 0 })
  database.exec('CREATE TABLE number (n INTEGER PRIMARY KEY, text TEXT)')
  const reader = openForReading(path)
  t.after(() => {
    reader.close()
    database.close()
  })
  const statement = database.prepare('INSERT INTO number VALUES (?, ?)')
  return {
    database,
    groups: new WriteGroups(database),
    insert: (n) => void statement.run(n, 'x'.repeat(1_000)),
    stored: () => reader.prepare<[], number>('SELECT n FROM number ORDER BY n').pluck().all(),
  }
}

test('waiting writes are committed together, and each is acknowledged after the commit', async (t) => {
  const { groups, insert, stored } = await open(t)
  const seen: number[][] = []
  await Promise.all([1, 2, 3].map((n) => groups.add(() => insert(n)).then(() => seen.push(stored()))))
  assert.deepEqual(seen, [
    [1, 2, 3],
    [1, 2, 3],
    [1, 2, 3],
  ])
})

test('a write that fails is undone alone', async (t) => {
  const { groups, insert, stored } = await open(t)
  const outcomes = await Promise.allSettled([
    groups.add(() => insert(1)),
    groups.add(() => {
      insert(2)
      throw new AlikeError('image_not_found')
    }),
    groups.add(() => insert(1)), // breaks the primary key
    groups.add(() => insert(4)),
  ])
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
  )
  assert.equal((outcomes[1] as PromiseRejectedResult).reason.code, 'image_not_found')
  assert.equal((outcomes[2] as PromiseRejectedResult).reason.code, 'internal')
  assert.deepEqual(stored(), [1, 4])
})

test('a full database fails the group with storage_full and accepts smaller ones again', async (t) => {
  const { database, groups, insert, stored } = await open(t)
  await groups.add(() => insert(0))
  const pages = database.pragma('page_count', { simple: true }) as number
  database.pragma(`max_page_count = ${pages + 2}`)
  const outcomes = await Promise.allSettled(Array.from({ length: 100 }, (_, i) => groups.add(() => insert(i + 1))))
  assert.ok(outcomes.some(({ status }) => status === 'rejected'))
  for (const outcome of outcomes) if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'storage_full')
  const acknowledged = outcomes.flatMap(({ status }, i) => (status === 'fulfilled' ? [i + 1] : []))
  assert.deepEqual(stored(), [0, ...acknowledged])
  database.pragma(`max_page_count = ${pages + 1_000}`)
  await groups.add(() => insert(1_000))
  assert.equal(stored().at(-1), 1_000)
})

test('a write that fills the database fails alone, although it undoes those that wait with it', async (t) => {
  const { database, groups, insert, stored } = await open(t)
  await groups.add(() => insert(0))
  const pages = database.pragma('page_count', { simple: true }) as number
  database.pragma(`max_page_count = ${pages + 4}`)
  const fill = () => database.prepare(`INSERT INTO number VALUES (100, ?)`).run('x'.repeat(1_000_000))
  const order: number[] = []
  const add = (n: number) => groups.add(() => insert(n)).then(() => order.push(n))
  const outcomes = await Promise.allSettled([add(1), groups.add(fill), add(2), groups.add(fill), add(3)])
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'stored')),
    ['stored', 'storage_full', 'stored', 'storage_full', 'stored'],
  )
  assert.deepEqual(
    [stored(), order],
    [
      [0, 1, 2, 3],
      [1, 2, 3],
    ],
  )
})

test('judgements that were undone with a commit that failed are not counted', async (t) => {
  const { database } = await open(t)
  database.exec('DROP TABLE number')
  migrate(database)
  const writes = new GalleryWrites(database)
  const groups = new WriteGroups(database, () => writes.forgetCounts())
  const at = '2026-01-01T00:00:00.000Z'
  const entry = { name: 'a', uid: 'a', setUid: 's', engine: 'embedded', modelId: 'm', dimension: 1, settings: {} }
  await groups.add(() => writes.catalogue.createGallery({ ...entry, galleriesMax: 1, at }))
  const record = (...keys: string[]) => {
    const hit = { hit: 'p', hitHash: 'h', verdict: 'right' as const, by: 'someone', at, modelId: 'm' }
    const judged = keys.map((key) => ({ ...hit, query: { key } }))
    return groups.add(() => writes.recordFeedback({ gallery: 1, judged, max: 10 }))
  }
  assert.equal((await record('1', '2')).stored, 2)
  const failing = groups.add(() => {
    database.pragma('defer_foreign_keys = ON')
    database.exec(`INSERT INTO job_result VALUES (99, '', 0)`) // of no job: the commit fails, as on a full disk
  })
  const undone = await Promise.allSettled([record('3', '4', '5'), failing])
  assert.deepEqual(
    undone.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  assert.equal((await record('3')).stored, 3)
})

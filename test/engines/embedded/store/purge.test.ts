/** Rows of dropped sets and deleted galleries are removed step by step. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Database, openForWriting } from '../../../../src/engines/embedded/store/database/database.js'
import { migrate } from '../../../../src/engines/embedded/store/database/schema.js'
import { GalleryWrites } from '../../../../src/engines/embedded/store/writing/gallery-writes.js'
import { dataFolder } from '../storage-folder.js'

const at = '2026-01-01T00:00:00Z'

/** Three deleted galleries, of one set each. */
async function deleted(t: TestContext): Promise<{ database: Database; writes: GalleryWrites }> {
  const database = openForWriting(join(await dataFolder(t), 'alike.db'), { maxBytes: 0 })
  t.after(() => database.close())
  migrate(database)
  const writes = new GalleryWrites(database)
  const model = { engine: 'embedded', modelId: '00000000000000aa', dimension: 8, settings: {}, galleriesMax: 9 }
  for (const name of ['a', 'b', 'c'])
    writes.catalogue.createGallery({ name, uid: name, setUid: `set-${name}`, ...model, at })
  for (const gallery of [1, 2, 3]) writes.catalogue.deleteGallery({ gallery, onlyUnprepared: false, at })
  return { database, writes }
}

/** What each of the steps comes to, up to the end or to the second failure. */
function stepsOf(writes: GalleryWrites): unknown[] {
  const ends: unknown[] = []
  for (;;)
    try {
      ends.push(writes.purge())
      if (ends.at(-1) === false) return ends
    } catch (error) {
      ends.push((error as Error).message)
      if (ends.filter((end) => end === 'damaged').length === 2) return ends
    }
}

/** As a damaged page would. @param row SQL, about the row `old` */
const damage = (database: Database, table: string, row: string) =>
  database.exec(`CREATE TRIGGER damage BEFORE DELETE ON ${table} WHEN ${row} BEGIN SELECT RAISE(ABORT, 'damaged'); END`)
const left = (database: Database, table: string) =>
  database.prepare<[], string>(`SELECT uid FROM ${table} ORDER BY number`).pluck().all()

for (const [table, row, sets, galleries] of [
  ['embedding_set', `old.uid = 'set-a'`, ['set-a'], ['a']],
  ['gallery', `old.uid = 'b'`, [], ['b']],
] as const)
  test(`a ${table} whose removal fails is tried again once the others are removed`, async (t) => {
    const { database, writes } = await deleted(t)
    damage(database, table, row)
    assert.deepEqual(stepsOf(writes).at(-1), 'damaged')
    assert.deepEqual([left(database, 'embedding_set'), left(database, 'gallery')], [sets, galleries])
    database.exec('DROP TRIGGER damage')
    assert.equal(stepsOf(writes).at(-1), false)
    assert.deepEqual(left(database, 'gallery'), [])
  })

test('without damage there is a step for each, and one that finds nothing', async (t) => {
  const { writes } = await deleted(t)
  assert.deepEqual(stepsOf(writes), [true, true, true, true, true, true, false])
})

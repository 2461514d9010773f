import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openForWriting } from '../../../../src/engines/embedded/store/database/database.js'
import { migrate } from '../../../../src/engines/embedded/store/database/schema.js'
import { JobTable } from '../../../../src/engines/embedded/store/jobs/job-table.js'
import { dataFolder } from '../storage-folder.js'

const [at, later] = ['2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z']
const nothing = { added: 0, updated: 0, removed: 0, idle: 0 }

async function openTable(t: TestContext) {
  const database = openForWriting(join(await dataFolder(t), 'alike.db'), { maxBytes: 0 })
  t.after(() => database.close())
  migrate(database)
  const jobs = new JobTable(database)
  /** An ended job with so many error lines. */
  const end = (id: string, lines: number) =>
    database.transaction(() => {
      jobs.create({ id, gallery: 'a', source: null }, 'uid', at)
      jobs.transition(id, { from: ['queued'], to: 'running' }, at)
      const errors = Array.from({ length: lines }, (_, item) => ({ item, name: 'p', code: 'c', detail: 'd' }))
      jobs.advance({ jobId: id, position: lines, skipped: 1, errors }, nothing, 'uid')
      jobs.complete(id, lines, at)
    })()
  return { database, jobs, end }
}

test('ended jobs are found without reading all that are retained', async (t) => {
  const { database } = await openTable(t)
  const prepare = t.mock.method(database, 'prepare')
  new JobTable(database)
  const statements = prepare.mock.calls
    .map(({ arguments: [sql] }) => sql)
    .filter((sql) => sql.includes('finished_at <'))
  assert.equal(statements.length, 1)
  const [{ detail }] = database.prepare(`EXPLAIN QUERY PLAN ${statements[0]}`).all(at, 1) as [{ detail: string }]
  assert.match(detail, /^SEARCH job USING .*INDEX job_by_end \(finished_at<\?\)$/)
})

test('a job with very many error lines is deleted in steps, during which its report is not taken for damaged', async (t) => {
  const { jobs, end } = await openTable(t)
  end('few', 3)
  end('many', 100_002)
  assert.deepEqual(jobs.forget(at), { jobs: 0, more: false })
  assert.deepEqual(jobs.forget(later), { jobs: 1, more: true })
  assert.deepEqual(jobs.errors('many'), [{ item: 100_001, name: 'p', code: 'c', detail: 'd' }])
  assert.deepEqual(jobs.forget(later), { jobs: 1, more: false })
  assert.deepEqual([jobs.list(), jobs.errors('many')], [[], []])
})

test('a job whose lines are counted when they are read is deleted together with them', async (t) => {
  const { jobs, end } = await openTable(t)
  end('j', 100_000)
  assert.deepEqual(jobs.forget(later), { jobs: 1, more: false })
  assert.deepEqual(jobs.errors('j'), [])
})

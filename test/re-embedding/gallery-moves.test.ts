/** What a request to move a gallery is refused for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openJobs } from '../../src/jobs/jobs.js'
import type { Webhooks } from '../../src/jobs/webhooks.js'
import { GalleryMoves } from '../../src/re-embedding/gallery-moves.js'
import { SetExclusion } from '../../src/re-embedding/set-exclusion.js'
import { jobsOf } from '../engines/embedded/embedded-galleries.js'
import { dataFolder, openIn } from '../engines/embedded/storage-folder.js'

test('a move that waits does not concern a gallery created later with the same name', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  const runner = { kinds: ['move'] as const, jobsMax: 10, deathsMax: 1, run: () => assert.fail('it waits') }
  const logger = { info() {}, warn() {}, error() {} }
  const store = jobsOf(galleries)
  const jobs = await openJobs({ store, galleries, runners: [runner], jobsKeptDays: 1, runsJobs: false, logger })
  t.after(() => jobs.close())
  const exclusion = new SetExclusion(galleries.writes)
  const moves = new GalleryMoves({ galleries, jobs, exclusion, webhooks: {} as Webhooks })

  await galleries.create('a')
  await jobs.create({ id: 'waiting', kind: 'move', gallery: 'a', source: {} })
  await assert.rejects(moves.begin('a', 'embedded'), { code: 'move_under_way' })
  await galleries.delete('a')
  await galleries.create('a')
  await assert.rejects(moves.begin('a', 'embedded'), { code: 'move_same_engine' })
})

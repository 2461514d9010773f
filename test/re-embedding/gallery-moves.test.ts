/** What a request to move a gallery is refused for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { openEmbedded } from '../../src/engines/embedded/embedded-engine.js'
import { openGalleries } from '../../src/gallery/galleries.js'
import { openJobs } from '../../src/jobs/jobs.js'
import type { Webhooks } from '../../src/jobs/webhooks.js'
import { GalleryMoves } from '../../src/re-embedding/gallery-moves.js'
import { SetExclusion } from '../../src/re-embedding/set-exclusion.js'
import { engineOf, jobsOf } from '../engines/embedded/embedded-galleries.js'
import { dataFolder, openIn } from '../engines/embedded/storage-folder.js'
import { onlyModel } from '../gallery/only-model.js'
import { model } from '../gallery/stored-images.js'

const logger = { info() {}, warn() {}, error() {} }
const runner = {
  kinds: ['move'] as const,
  jobsAtOnce: 1,
  jobsMax: 10,
  deathsMax: 1,
  run: () => assert.fail('it waits'),
}

test('a move that waits does not concern a gallery created later with the same name', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
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

test('a process that runs no jobs makes no copy in its own folder: only it could fill it', async (t) => {
  const shared = engineOf(await openIn(t, await dataFolder(t)))
  const silent = pino({ level: 'silent' })
  const near = await openEmbedded({ dataDir: await dataFolder(t), logger: silent, cataloguedElsewhere: true })
  t.after(() => near.close())
  const { catalogue, jobs: store, feedback, decisions, layouts } = shared
  const galleries = await openGalleries({
    ...{ catalogue, feedback, decisions, layouts, engineOfNew: 'shared', models: onlyModel(model) },
    engines: { shared, near },
    progress: { committedBy: [], advance: async () => {} },
  })
  const jobs = await openJobs({ store, galleries, runners: [runner], jobsKeptDays: 1, runsJobs: false, logger })
  t.after(() => jobs.close())
  const exclusion = new SetExclusion(galleries.writes)
  const moves = new GalleryMoves({ galleries, jobs, exclusion, webhooks: {} as Webhooks })

  await galleries.create('a')
  await assert.rejects(moves.begin('a', 'near'), { code: 'gallery_without_worker' })
  assert.equal((await galleries.sets.list('a')).length, 1)
})

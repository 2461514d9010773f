import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newUid } from '../../src/gallery/catalogue.js'
import type { JobRecord } from '../../src/jobs/job.js'
import type { JobControl } from '../../src/jobs/job-runner.js'
import { ReEmbeddingRunner, type ReEmbeddingRunnerOptions } from '../../src/re-embedding/re-embedding-runner.js'
import { SetFollowers } from '../../src/re-embedding/set-followers.js'
import { SetMirrors } from '../../src/re-embedding/set-mirrors.js'
import { engineOf } from '../engines/embedded/embedded-galleries.js'
import { dataFolder, openIn } from '../engines/embedded/storage-folder.js'

test('a set is completed although each of its changes finds the queue of writes full', async (t) => {
  const galleries = await openIn(t, await dataFolder(t), { storage: { writeQueueMax: 1 } })
  await galleries.create('a')
  const { catalogue } = engineOf(galleries)
  const { galleryUid, modelId, dimension } = await galleries.sets.serving('a')
  const set = { uid: newUid(), galleryUid, engine: 'embedded', modelId, dimension, about: {} }
  await catalogue.addSet(set)
  const changeSet = catalogue.changeSet.bind(catalogue)
  const others: Promise<unknown>[] = []
  let attempts = 0
  t.mock.method(catalogue, 'changeSet', (...change: Parameters<typeof changeSet>) => {
    if (attempts++ % 2 === 0) others.push(galleries.changeRules('a', { originals: 'keep' })) // takes the only place
    return changeSet(...change)
  })
  const logger = { info() {}, warn() {}, error() {} }
  const mirrors = new SetMirrors({ galleries, images: {} as never, concurrency: 1 })
  const followers = await SetFollowers.open({ galleries, mirrors, logger })
  t.after(() => followers.close())
  const runner = new ReEmbeddingRunner({
    ...{ galleries, mirrors, followers, jobsMax: 1, images: {}, queries: { async *pictures() {} } },
    ...{ gateQueries: 1, gateMapDropMax: 1, gateOverlapMin: 0, gateReplayOverlapMin: 0 },
  } as unknown as ReEmbeddingRunnerOptions)
  const source = { setUid: set.uid, withoutOriginal: 'leave_out', ratePerSecond: 0, seed: 1 }
  const job = { id: 'j', gallery: 'a', position: 0, source } as unknown as JobRecord
  const control = { signal: new AbortController().signal, expect: async () => {}, advance: async () => {}, report() {} }
  assert.deepEqual(await runner.run(job, control as unknown as JobControl), { total: 0 })
  await Promise.all(others)
  const [, other] = await galleries.sets.list('a')
  assert.deepEqual([other?.stage, Object.keys(other?.about ?? {})], ['ready', ['gate']])
})

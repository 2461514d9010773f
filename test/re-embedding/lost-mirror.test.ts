/** What happens to a switch, a move and a rebuild if the lock on writing to the other set is lost during them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CatalogueSet } from '../../src/gallery/catalogue.js'
import { ChangedIds } from '../../src/gallery/changed-ids.js'
import type { Galleries } from '../../src/gallery/galleries.js'
import type { JobRecord } from '../../src/jobs/job.js'
import type { JobControl } from '../../src/jobs/job-runner.js'
import { MoveRunner } from '../../src/re-embedding/move-runner.js'
import { ReEmbeddingRunner } from '../../src/re-embedding/re-embedding-runner.js'
import { exchangeSets } from '../../src/re-embedding/set-exchange.js'
import { SetExclusion } from '../../src/re-embedding/set-exclusion.js'
import type { SetFollowers } from '../../src/re-embedding/set-followers.js'
import type { SetMirror } from '../../src/re-embedding/set-mirror.js'
import type { SetMirrors } from '../../src/re-embedding/set-mirrors.js'

/** A gallery without pictures, and its other set; `isHeld` says whether the lock has survived. */
function made({ isHeld }: { isHeld: boolean }) {
  const done: string[] = []
  const sets = [
    { uid: 'serving', stage: 'serving', modelId: 'm', engine: 'e', about: {}, reading: { images: 0 } },
    { uid: 'other', stage: 'ready', modelId: 'm', engine: 'f', about: {}, reading: { images: 0 } },
  ] as unknown as (CatalogueSet & { reading: { images: number } })[]
  const changed = new ChangedIds(10)
  const galleries = {
    writes: {
      follow: () => changed,
      unfollow() {},
      shared: {
        hold: async (what: string) => ({
          isHeld: async () => what !== 'mirror' || isHeld,
          release: async () => what !== 'mirror' || isHeld,
        }),
      },
    },
    sets: {
      list: async () => sets,
      change: async () => sets[1],
      serve: async (_gallery: string, setUid: string, { catchUp }: { catchUp(): Promise<void> }) => {
        await catchUp()
        done.push(`${setUid} serves`)
      },
    },
    models: { has: () => false },
  } as unknown as Galleries
  const empty = {
    state: async () => ({ images: 0, pending: 0, building: false }),
    async *page() {
      yield { images: [] }
    },
    find: async () => [],
    whole: async () => [],
  }
  const mirror = { from: empty, to: empty, differing: async () => [] } as unknown as SetMirror
  const mirrors = { of: async () => ({ mirror, set: sets[1] }), forget() {} } as unknown as SetMirrors
  const followers = { start() {}, startIfThere: async () => true, stop: async () => {} } as unknown as SetFollowers
  return { done, sets, changed, galleries, mirrors, followers }
}

const job = {
  id: 'j',
  gallery: 'a',
  position: 0,
  source: { setUid: 'other', withoutOriginal: 'leave_out', ratePerSecond: 0, seed: 1 },
} as unknown as JobRecord

const control = {
  signal: new AbortController().signal,
  expect: async () => {},
  advance: async () => {},
  report() {},
} as unknown as JobControl

const logger = { info() {}, warn() {}, error() {} }

/** Each resolves with what it has done. */
const works: Record<string, (isHeld: boolean) => Promise<string[]>> = {
  async switch(isHeld) {
    const { done, sets, changed: _, ...parts } = made({ isHeld })
    const [serving, set] = [sets[0]!, sets[1]!]
    await exchangeSets({ ...parts, setKeptDays: 1 }, 'a', { set, serving: { ...serving, about: {} }, mayLack: false })
    return done
  },
  async move(isHeld) {
    const { done, sets: _, changed: __, ...parts } = made({ isHeld })
    const exclusion = new SetExclusion(parts.galleries.writes)
    await new MoveRunner({ ...parts, exclusion, jobsMax: 1, setKeptDays: 1, logger, onEnd() {} }).run(job, control)
    return done
  },
  async rebuild(isHeld) {
    const { done, sets: _, changed: __, ...parts } = made({ isHeld })
    const gate = { gateQueries: 0, gateMapDropMax: 1, gateOverlapMin: 0, gateReplayOverlapMin: 0 }
    const others = { jobsMax: 1, images: {}, queries: {} }
    const options = { ...parts, ...gate, ...others } as unknown as ConstructorParameters<typeof ReEmbeddingRunner>[0]
    await new ReEmbeddingRunner(options).run(job, control)
    return [...done, 'rebuilt']
  },
}

for (const [name, work] of Object.entries(works)) {
  test(`a ${name} during which the lock was lost does not end as if nothing older could have been written`, async () => {
    assert.deepEqual(await work(true), [name === 'rebuild' ? 'rebuilt' : 'other serves'])
    await assert.rejects(work(false), { code: 'store_unreachable' })
  })
}

test('what a switch applied before it lost the lock is compared again', async () => {
  const { sets, changed, ...parts } = made({ isHeld: false })
  changed.note(['p'])
  const brought: string[][] = []
  const bring = async (ids: string[]) => {
    brought.push(ids)
    return { made: 0, lost: [], again: [] }
  }
  const { mirror } = await parts.mirrors.of('a', 'other')
  Object.assign(mirror, { bring })
  const exchange = { set: sets[1]!, serving: { ...sets[0]!, about: {} }, mayLack: false }
  await assert.rejects(exchangeSets({ ...parts, setKeptDays: 1 }, 'a', exchange), { code: 'store_unreachable' })
  assert.deepEqual([brought, changed.take(10).ids], [[['p']], ['p']])
})

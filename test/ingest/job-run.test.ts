/** The groups in which a run's items are committed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AlikeError } from '../../src/errors.js'
import type { JobProgress } from '../../src/gallery/job-progress.js'
import type { ImageStep } from '../../src/gallery/records.js'
import { JobRun } from '../../src/ingest/job-run.js'
import type { IntakeParts } from '../../src/ingest/new-image.js'
import { SharedRoom } from '../../src/ingest/shared-room.js'
import type { Source, SourceItem } from '../../src/ingest/source.js'
import { newRecord } from '../../src/jobs/job-changes.js'
import { createMetrics } from '../../src/metrics/metrics.js'

function sourceOf(count: number): Source {
  return {
    total: count,
    share: 1,
    async *items(from) {
      for (let index = from; index < count; index++) yield { index, name: `${index}`, skipped: true }
    },
    async close() {},
  }
}

const firstRun = {
  metrics: createMetrics(),
  concurrency: 4,
  uploadMaxBytes: 1,
  trials: { runs: 1, alone: null, givenUp: 0 },
  giveUp: undefined,
  signal: new AbortController().signal,
  note: async () => {},
  recovered() {},
  pictures: new SharedRoom(100).enter(),
  bytes: new SharedRoom(1_000).enter(),
}

test('a group holds only items that an earlier run may have counted, or only others', async () => {
  const job = { ...newRecord({ id: 'j', gallery: 'g', source: null }, 'uid', ''), position: 2 }
  const steps: JobProgress[] = []
  const run = new JobRun(job, sourceOf(9), {
    parts: undefined as never, // needed for pictures only
    ...firstRun,
    advance: async (progress) => void steps.push(progress),
    triedTo: 5,
  })
  assert.equal(await run.run(), 9)
  const groups = steps.map(({ from, position, skipped }) => ({ from, position, skipped }))
  assert.deepEqual(
    groups.map(({ from, position }) => position - from!),
    groups.map(({ skipped }) => skipped),
    'each item is counted',
  )
  assert.deepEqual([groups[0]?.from, groups.at(-1)?.position], [2, 9])
  assert.ok(
    groups.some(({ position }) => position === 5),
    JSON.stringify(groups),
  )
  assert.deepEqual([run.position, run.triedTo], [9, 9])
})

test('a group changes no picture otherwise after patching it: repeated, it has the same outcome', async () => {
  const line = (index: number, step: object) => ({ index, name: `${index}`, ...step })
  const change = { label: 'x' }
  const steps = [
    { patch: 'a', change },
    { remove: 'b' },
    { patch: 'a', change },
    { remove: 'a' },
    { patch: 'a', change },
  ]
  const source: Source = {
    share: 1,
    async *items() {
      for (const [index, step] of [...steps, { patch: 'A\u0308', change }, { remove: '\u00c4' }].entries())
        yield line(index, step) as SourceItem
    },
    async close() {},
  }
  const groups: number[] = []
  const images = {
    async change(_: string, steps: ImageStep[]) {
      groups.push(steps.length)
      return steps.map((step) => ('patch' in step ? { patched: true } : { absent: true }))
    },
  }
  const run = new JobRun(newRecord({ id: 'j', gallery: 'g', source: null }, 'uid', ''), source, {
    parts: { galleries: { images } } as unknown as IntakeParts,
    ...firstRun,
    advance: async () => {},
  })
  assert.equal(await run.run(), 7)
  assert.deepEqual(groups, [3, 3, 1])
})

for (const [what, fails] of [
  ['a picture that ends the job', 'picture'],
  ['a commit', 'commit'],
] as const)
  test(`when ${what} fails, the pictures under way are given up`, async () => {
    const job = newRecord({ id: 'j', gallery: 'g', source: null }, 'uid', '')
    const source: Source = {
      share: 1,
      async *items() {
        yield { index: 0, name: '0', skipped: true }
        for (const index of [1, 2]) yield { index, name: `${index}`, id: `${index}`, url: `${index}` }
      },
      async close() {},
    }
    let begun = 0
    const givenUp: string[] = []
    let bothHaveBegun = () => {}
    const both = new Promise<void>((resolve) => {
      bothHaveBegun = resolve
    })
    const fetch = async (url: string, signal: AbortSignal): Promise<Buffer> => {
      if (++begun === 2) bothHaveBegun()
      await both
      if (fails === 'picture' && url === '1') throw new AlikeError('source_unreachable')
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          givenUp.push(url)
          reject(signal.reason as Error)
        })
      })
    }
    const run = new JobRun(job, source, {
      parts: { remote: { fetch } } as unknown as IntakeParts,
      ...firstRun,
      advance: async () => {
        await both
        if (fails === 'commit') throw new AlikeError('storage_full')
      },
    })
    await assert.rejects(run.run(), { code: fails === 'commit' ? 'storage_full' : 'source_unreachable' })
    assert.deepEqual(givenUp, fails === 'commit' ? ['1', '2'] : ['2'])
  })

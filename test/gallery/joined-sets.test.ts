import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OpenSet } from '../../src/gallery/engine.js'
import { HitRecord } from '../../src/gallery/hit-record.js'
import { JoinedSets } from '../../src/gallery/joined-sets.js'

const fields = { label: null, contentHash: '', modelId: '', thumbnailBytes: 0 }

/** The hits `a0`, `a1`, … of a gallery, whose metadata names it. */
function setOf(gallery: string, count: number): OpenSet {
  const hits = Array.from({ length: count }, (_, i) => ({
    score: 1 - i / count,
    record: new HitRecord({ id: `${gallery}${i}`, ...fields }),
  }))
  const first = async (wanted: number) => hits.slice(0, wanted)
  const fitting = async () => ({ first, bytes: 0 })
  return {
    nearest: async () => ({ compared: count, method: 'exact', ef: undefined, bytes: 0, first, fitting }),
    metadata: async (records: readonly HitRecord[]) => records.map(({ id }) => `${gallery} ${id}`),
  } as Partial<OpenSet> as OpenSet
}

test('each gallery is asked for its own hits, and answers stay in the order of the hits', async () => {
  const joined = new JoinedSets(['a', 'b'].map((gallery) => ({ gallery, set: setOf(gallery, 3) })))
  const hits = await (await joined.nearest({ vector: new Float32Array(2) })).first(5)
  const records = hits.map(({ record }) => record)
  assert.deepEqual(await joined.metadata(records, () => {}), ['a a0', 'b b0', 'a a1', 'b b1', 'a a2'])
})

test('the effort for many hits is proportional to their number', async () => {
  const joined = new JoinedSets([{ gallery: 'a', set: setOf('a', 100_000) }])
  const hits = await (await joined.nearest({ vector: new Float32Array(2) })).first(100_000)
  const records = hits.map(({ record }) => record)
  const before = process.cpuUsage()
  await joined.metadata(records, () => {})
  const { user } = process.cpuUsage(before)
  assert.ok(user < 2_000_000, `${user} µs`)
})

/** Removed sets are dropped and freed in every engine, and when one of them needs no more attention. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { openEmbedded } from '../../src/engines/embedded/embedded-engine.js'
import { AlikeError } from '../../src/errors.js'
import { newUid } from '../../src/gallery/catalogue.js'
import type { Engine } from '../../src/gallery/engine.js'
import { openGalleries } from '../../src/gallery/galleries.js'
import { isSettled, RemovedSets } from '../../src/gallery/removed-sets.js'
import { dataFolder } from '../engines/embedded/storage-folder.js'
import { until } from '../support/until.js'
import { onlyModel } from './only-model.js'
import { model } from './stored-images.js'

test('an engine that is unavailable does not delay the removals in another', async (t) => {
  const removedAt = new Date().toISOString()
  const sets = [
    { uid: 'a', engine: 'down', removedAt },
    { uid: 'b', engine: 'up', removedAt },
  ]
  const freed: string[] = []
  const free = async ({ uid }: { uid: string }) => freed.push(uid) > 0
  const down = () => Promise.reject(new AlikeError('engine_unreachable'))
  const removed = new RemovedSets({
    catalogue: { removedSets: async () => sets, forgetRemoved: async () => {} },
    engines: { down: { free: down } as unknown as Engine, up: { free } as unknown as Engine },
    logger: pino({ level: 'silent' }),
  })
  t.after(() => removed.close())
  await until(() => freed.length > 0, 'the first sweep')
  await assert.rejects(removed.sweep(), { code: 'engine_unreachable' })
  assert.deepEqual(freed, ['b', 'b'])
})

test('a sweep that failed is repeated soon', async (t) => {
  let failures = 0
  const freed: string[] = []
  const free = async ({ uid }: { uid: string }) => {
    if (failures++ < 2) throw new AlikeError('engine_unreachable')
    return freed.push(uid) > 0
  }
  const set = { uid: 'a', engine: 'a', removedAt: new Date().toISOString() }
  const removed = new RemovedSets({
    catalogue: { removedSets: async () => [set], forgetRemoved: async () => {} },
    engines: { a: { free } as unknown as Engine },
    logger: pino({ level: 'silent' }),
    pauses: { everyMs: 600_000, againMs: 5 },
  })
  t.after(() => removed.close())
  await until(() => freed.length > 0, 'the third sweep')
})

test('a removed set in the storage of a process that is away is not forgotten before that process is back', async (t) => {
  const sets = ['a', 'b'].map((engine) => ({ uid: `set in ${engine}`, engine, removedAt: '2026-01-01T00:00:00.000Z' }))
  const forgotten: string[] = []
  const free = async () => false
  let now = Date.parse('2026-01-02T00:00:00.000Z')
  const removed = new RemovedSets({
    catalogue: { removedSets: async () => sets, forgetRemoved: async (uid) => void forgotten.push(uid) },
    engines: { a: { free } as unknown as Engine, b: { free, awayMaxMs: 7 * 86_400_000 } as unknown as Engine },
    logger: pino({ level: 'silent' }),
    now: () => now,
  })
  t.after(() => removed.close())
  await removed.sweep()
  assert.deepEqual([...new Set(forgotten)], ['set in a'])
  now = Date.parse('2026-01-09T00:00:00.000Z')
  await removed.sweep()
  assert.deepEqual([...new Set(forgotten)], ['set in a', 'set in b'])
})

test('a removed set is watched for an hour: its storage may be created after its removal', () => {
  const removedAt = '2026-01-01T00:00:00.000Z'
  for (const [now, expected] of [
    ['2026-01-01T00:00:00.000Z', false],
    ['2026-01-01T01:00:00.000Z', false],
    ['2026-01-01T01:00:00.001Z', true],
    ['2025-12-31T00:00:00.000Z', false], // a clock that is behind
  ] as const)
    assert.equal(isSettled({ removedAt }, Date.parse(now)), expected, now)
})

test('a set that cannot be dropped does not prevent dropping the other sets of its gallery', async (t) => {
  const embedded = await openEmbedded({ dataDir: await dataFolder(t), logger: pino({ level: 'silent' }) })
  const dropped: string[] = []
  const broken: Engine = {
    ...{ failure: undefined, readOnly: undefined, unreachable: undefined },
    open: (set) => embedded.open(set),
    drop: async () => Promise.reject(new AlikeError('internal')),
    close: async () => {},
  }
  const other: Engine = { ...broken, drop: async ({ uid }) => void dropped.push(uid) }
  const galleries = await openGalleries({
    ...embedded,
    catalogue: embedded.catalogue,
    engines: { embedded, broken, other },
    engineOfNew: 'broken',
    progress: { committedBy: [], advance: async () => {} },
    models: onlyModel(model),
  })
  t.after(() => galleries.close())
  await galleries.create('a')
  const { galleryUid, modelId, dimension } = await galleries.sets.serving('a')
  const second = { uid: newUid(), galleryUid, engine: 'other', modelId, dimension, about: {} }
  await embedded.catalogue.addSet(second)
  await assert.rejects(galleries.delete('a'), { code: 'internal' })
  assert.deepEqual(dropped, [second.uid])
})

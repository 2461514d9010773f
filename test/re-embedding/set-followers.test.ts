/** The other sets of galleries are followed in turns, and each follower can be stopped independently. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { AlikeError } from '../../src/errors.js'
import { ChangedIds } from '../../src/gallery/changed-ids.js'
import type { Galleries } from '../../src/gallery/galleries.js'
import { SetFollowers } from '../../src/re-embedding/set-followers.js'
import type { SetMirror } from '../../src/re-embedding/set-mirror.js'
import type { SetMirrors } from '../../src/re-embedding/set-mirrors.js'
import { until } from '../support/until.js'

const logger = { info() {}, warn() {}, error() {} }

/** Galleries whose mirrors apply nothing until told to. */
async function followed() {
  const changedOf = new Map<string, ChangedIds>()
  const writes = {
    follow(gallery: string) {
      if (!changedOf.has(gallery)) changedOf.set(gallery, new ChangedIds(10))
      return changedOf.get(gallery)!
    },
    unfollow(gallery: string, changed: ChangedIds) {
      if (changedOf.get(gallery) === changed) changedOf.delete(gallery)
    },
  }
  const begun: string[] = []
  const gone = new Set<string>()
  let bringAll = (): void => {}
  const told = new Promise<void>((resolve) => {
    bringAll = resolve
  })
  const mirrors = {
    async of(gallery: string, setUid: string) {
      if (gone.has(setUid)) throw new AlikeError('set_not_found')
      const bring = async () => {
        begun.push(setUid)
        await told
        return { embedded: 0, lost: [], again: [] }
      }
      return { gallery, mirror: { bring } as unknown as SetMirror }
    },
  }
  const followers = await SetFollowers.open({
    galleries: { writes, sets: { beside: async () => [] } } as unknown as Galleries,
    mirrors: mirrors as unknown as SetMirrors,
    logger,
  })
  return { followers, writes, changedOf, begun, gone, bringAll }
}

test('a follower waiting for its turn stops at once, and keeps what it recorded', async () => {
  const { followers, writes, begun, bringAll } = await followed()
  for (const gallery of ['a', 'b']) {
    followers.start(gallery, `set of ${gallery}`)
    writes.follow(gallery).note(['p'])
  }
  await until(async () => begun.length === 1, 'the turn of the first gallery')
  await followers.stop('b')
  assert.deepEqual([begun, followers.galleries, writes.follow('b').reading().count], [['set of a'], ['a'], 1])
  followers.start('b', 'set of b')
  bringAll()
  await until(async () => begun.length === 2, 'the turn of the second gallery')
  await followers.close()
})

test('the follower of a removed set takes nothing from the one that follows its replacement', async () => {
  const { followers, writes, changedOf, begun, gone, bringAll } = await followed()
  bringAll()
  followers.start('a', 'former')
  gone.add('former')
  writes.follow('a').note('all')
  changedOf.delete('a') // like a gallery that is deleted and recreated with the same name
  followers.start('a', 'other')
  writes.follow('a').note(['p'])
  await until(async () => begun.includes('other'), 'what was changed of the other set')
  assert.deepEqual([followers.galleries, followers.setOf('a'), changedOf.has('a')], [['a'], 'other', true])
  await followers.close()
})

test('a set removed by another process is no longer followed', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  let beside = [
    { gallery: 'a', setUid: 'set of a' },
    { gallery: 'b', setUid: 'set of b' },
  ]
  const writes = {
    follow: () => new ChangedIds(10),
    shared: {
      setsBeside: async () => beside,
      hold: async () => ({ isHeld: async () => true, release: async () => true }),
    },
  }
  const followers = await SetFollowers.open({
    galleries: { writes } as unknown as Galleries,
    mirrors: {} as unknown as SetMirrors,
    logger,
  })
  assert.deepEqual(followers.galleries, ['a', 'b'])
  beside = beside.slice(1)
  t.mock.timers.tick(5_000)
  await until(async () => followers.count === 1, 'the end of the one that is gone')
  assert.deepEqual(followers.galleries, ['b'])
  await followers.close()
})

test('what was applied without the lock is compared again: another process may have applied something newer', async () => {
  const changed = new ChangedIds(10)
  const brought: string[][] = []
  const bring = async (ids: string[]) => {
    brought.push(ids)
    return { embedded: 0, lost: [], again: [] }
  }
  const writes = {
    follow: () => changed,
    shared: {
      setsBeside: async () => [{ gallery: 'a', setUid: 'set of a' }],
      // lost during the first write
      hold: async () => ({ isHeld: async () => brought.length > 1, release: async () => brought.length > 1 }),
    },
  }
  changed.note(['p', 'q'])
  const followers = await SetFollowers.open({
    galleries: { writes } as unknown as Galleries,
    mirrors: { of: async () => ({ mirror: { bring } }) } as unknown as SetMirrors,
    logger,
  })
  await until(async () => brought.length === 2, 'the comparison')
  await followers.close()
  assert.deepEqual(
    [brought, changed.isEmpty()],
    [
      [
        ['p', 'q'],
        ['p', 'q'],
      ],
      true,
    ],
  )
})

test('a follower that is stopped while it applies changes without the lock has them compared again too', async () => {
  const changed = new ChangedIds(10)
  const writes = {
    follow: () => changed,
    shared: {
      setsBeside: async () => [{ gallery: 'a', setUid: 'set of a' }],
      hold: async () => ({ isHeld: async () => false, release: async () => false }),
    },
  }
  changed.note(['p', 'q'])
  let isBringing = false
  const bring = async (_ids: string[], { signal }: { signal: AbortSignal }) => {
    isBringing = true
    await once(signal, 'abort')
    return { embedded: 0, lost: [], again: [] }
  }
  const followers = await SetFollowers.open({
    galleries: { writes } as unknown as Galleries,
    mirrors: { of: async () => ({ mirror: { bring } }) } as unknown as SetMirrors,
    logger,
  })
  await until(() => isBringing, 'the write')
  await followers.close()
  assert.deepEqual(changed.take(10).ids, ['p', 'q'])
})

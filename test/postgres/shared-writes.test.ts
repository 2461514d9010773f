/** Writes of several processes during a switch to another set: each is in both sets, or was not acknowledged. */
import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { AlikeError } from '../../src/errors.js'
import type { Filter } from '../../src/gallery/filter.js'
import { GalleryImages } from '../../src/gallery/gallery-images.js'
import type { Metadata } from '../../src/gallery/metadata.js'
import type { Precondition } from '../../src/gallery/precondition.js'
import type { ImageChange, PatchStep } from '../../src/gallery/records.js'
import type { RoutedSets } from '../../src/gallery/routed-sets.js'
import type { Writes } from '../../src/gallery/writes.js'
import type { SharedStores } from '../../src/postgres/open-postgres.js'
import { Postgres } from '../../src/postgres/postgres.js'
import { cuttingProxy } from '../support/cutting-proxy.js'
import { inDatabase } from '../support/postgres-server.js'
import { until } from '../support/until.js'
import { newDatabase, openStores } from './shared-stores.js'

const sets = { first: 'set-of-a', other: 'other-set' }

interface Shared {
  url: string
  /** As seen by two processes. */
  one: SharedStores
  two: SharedStores
}

/** With a gallery with two sets. */
async function shared(t: TestContext): Promise<Shared | undefined> {
  const url = await newDatabase(t)
  if (url === undefined) return undefined
  const [one, two] = [await openStores(t, url), await openStores(t, url)]
  const model = { modelId: '00000000000000aa', dimension: 8, engine: 'any' }
  await one.catalogue.create({
    name: 'a',
    uid: 'uid-of-a',
    setUid: sets.first,
    settings: {},
    galleriesMax: 5,
    ...model,
  })
  await one.catalogue.addSet({ uid: sets.other, galleryUid: 'uid-of-a', about: {}, ...model })
  return { url, one, two }
}

/** A write in progress until it is released. */
function held(writes: Writes, ids: string[]) {
  let end = (): void => {}
  const told = new Promise<void>((resolve) => {
    end = resolve
  })
  let begin = (): void => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const done = writes.pass('a', ids, async () => {
    begin()
    await told
  })
  return { begun, end, done }
}

test('another set begins to serve when the writes of every process have finished, and new ones wait', async (t) => {
  const opened = await shared(t)
  if (opened === undefined) return
  const { url, one, two } = opened
  const order: string[] = []
  const [own, others] = [held(one.writes, ['p']), held(two.writes, ['q'])]
  await Promise.all([own.begun, others.begun])
  assert.equal((await two.catalogue.find('a'))?.set.uid, sets.first)
  const exchanged = one.writes.whileClosed('a', async (serve) => {
    order.push('exchange')
    await serve(sets.other, {})
  })
  const later = async ({ writes, catalogue }: SharedStores) =>
    writes.pass('a', ['r'], async () => order.push((await catalogue.find('a'))!.set.uid))
  own.end()
  await own.done
  const awaited = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`
  await until(
    async () => (await inDatabase(url, awaited)).length > 0,
    'the exchange to wait for the write of the other',
  )
  assert.equal(order.length, 0)
  // a process with a continuous stream of writes lets others have a turn, once it has heard of them
  const following = async () => {
    do await later(two)
    while (!order.includes('exchange'))
  }
  others.end()
  await Promise.all([others.done, exchanged, following(), later(one)])
  const at = order.indexOf('exchange')
  assert.deepEqual(
    order.map((_, i) => (i === at ? 'exchange' : i < at ? sets.first : sets.other)),
    order,
  )
  assert.equal(order.at(-1), sets.other)
})

test('writes are recorded for the other set, whichever that is by then, and due once they are over', async (t) => {
  const opened = await shared(t)
  if (opened === undefined) return
  const { one, two } = opened
  const forOther = one.writes.follow('a', sets.other)
  const writing = held(two.writes, ['p', 'q', 'p'])
  await writing.begun
  assert.deepEqual([await forOther.isEmpty(), (await forOther.reading()).count], [true, 2])
  writing.end()
  await writing.done
  const taken = await forOther.take(10)
  assert.deepEqual([...taken.ids].sort(), ['p', 'q'])
  await two.writes.pass('a', ['q'], async () => {})
  await taken.done()
  const again = await forOther.take(10)
  assert.deepEqual(again.ids, ['q'], 'it was changed while it was being copied')
  await again.done()
  assert.deepEqual([await forOther.isEmpty(), await forOther.reading()], [true, { count: 0, since: undefined }])

  await assert.rejects(
    one.writes.pass('a', ['failed'], () => Promise.reject(new Error('of the engine'))),
    /of the engine/,
  )
  await one.writes.pass('a', 'all', async () => {})
  const all = await forOther.take(10)
  assert.equal(all.ids, 'all')
  await all.done()
  assert.deepEqual((await forOther.take(10)).ids, ['failed'], 'it is unknown whether it was written')

  const [composed, decomposed] = ['\u00e9', 'e\u0301']
  await one.writes.pass('a', [decomposed], async () => {})
  const inBothForms = await forOther.take(10)
  assert.deepEqual([...inBothForms.ids].sort(), ['failed', decomposed, composed].sort())
  await inBothForms.done()

  await one.writes.whileClosed('a', (serve) => serve(sets.other, {}))
  await two.writes.pass('a', ['s'], async () => {})
  assert.deepEqual((await one.writes.follow('a', sets.first).take(10)).ids, ['s'])
  await one.catalogue.removeSet(sets.first)
  await two.writes.pass('a', ['t'], async () => {})
})

test('a write of a dead process is due when the gallery is closed', async (t) => {
  const opened = await shared(t)
  if (opened === undefined) return
  const { url, one, two } = opened
  const writing = held(two.writes, ['p'])
  await writing.begun
  await inDatabase(url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'alike-locks'`)
  const found = await until(async () => {
    let ids: readonly string[] | 'all' = []
    await one.writes.whileClosed('a', async () => {
      ids = (await one.writes.follow('a', sets.other).take(10)).ids
    })
    return ids.length > 0 && ids
  }, 'the write that was under way')
  assert.deepEqual(found, ['p'])
  writing.end()
  await assert.rejects(writing.done, { code: 'store_unreachable' }, 'it is not acknowledged: the gallery was closed')
  await two.writes.pass('a', ['q'], async () => {})
})

test('a switch does not happen without its lock, nor while writes do not finish', async (t) => {
  const opened = await shared(t)
  if (opened === undefined) return
  const { url, one, two } = opened
  const exchange = one.writes.whileClosed('a', async (serve) => {
    await inDatabase(
      url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'alike-exchange'`,
    )
    await serve(sets.other, {})
  })
  await assert.rejects(exchange, { code: 'store_unreachable' })
  await two.writes.pass('a', ['p'], async () => {})
  assert.equal((await one.catalogue.find('a'))?.set.uid, sets.first)
})

test('a gallery is held by one process at a time per purpose, until it is released or the process is gone', async (t) => {
  const opened = await shared(t)
  if (opened === undefined) return
  const { one, two } = opened
  const lock = await one.writes.shared.hold('mirror', 'a')
  assert.ok(lock)
  assert.equal(await two.writes.shared.hold('mirror', 'a'), undefined)
  assert.equal(await one.writes.shared.hold('mirror', 'a'), undefined)
  assert.equal(await two.writes.shared.hold('mirror', 'b', 'a'), undefined)
  assert.ok(await two.writes.shared.hold('sets', 'a', 'b'))
  assert.equal(await one.writes.shared.hold('sets', 'b'), undefined)
  assert.ok(await two.writes.shared.hold('mirror', 'b'))
  await lock.release()
  assert.ok(await two.writes.shared.hold('mirror', 'a'))
  await two.close()
  await until(async () => (await one.writes.shared.hold('mirror', 'a')) !== undefined, 'what the other process held')
})

test('a process learns that what it held was lost', async (t) => {
  const opened = await shared(t)
  if (opened === undefined) return
  const { url, one, two } = opened
  const [kept, lost] = [await one.writes.shared.hold('mirror', 'a'), await two.writes.shared.hold('mirror', 'b')]
  assert.deepEqual([await kept!.isHeld(), await kept!.release(), await lost!.isHeld()], [true, true, true])
  await inDatabase(url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'alike-locks'`)
  await until(async () => (await one.writes.shared.hold('mirror', 'b').catch(() => undefined)) !== undefined)
  assert.deepEqual([await lost!.isHeld(), await lost!.release()], [false, false])
})

test('a switch whose COMMIT was not answered is found to have happened', async (t) => {
  const opened = await shared(t)
  if (opened === undefined) return
  const proxy = await cuttingProxy(t, opened.url)
  const { writes, catalogue } = await openStores(t, proxy.url)
  await writes.whileClosed('a', async (serve) => {
    await serve(sets.other, {})
    proxy.cutNext('after')
  })
  assert.equal((await catalogue.find('a'))?.set.uid, sets.other)
})

test('the server soon detects a dead connection that holds locks, and this process one to a dead server', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  const asked = t.mock.method(Socket.prototype, 'setKeepAlive')
  const postgres = new Postgres({ url, connectionsMax: 1, onLoss() {} })
  t.after(() => postgres.close())
  const connection = await postgres.connect()
  const { rows } = await connection.query('SHOW tcp_keepalives_idle')
  await connection.end()
  assert.deepEqual(rows, [{ tcp_keepalives_idle: '10' }])
  await postgres.query('SELECT')
  assert.deepEqual(
    asked.mock.calls.map((call) => call.arguments),
    [
      [true, 10_000],
      [true, 10_000],
    ],
  )
})

test('of two conditional changes of a picture by two processes, the later one sees the earlier', async (t) => {
  const opened = await shared(t)
  if (opened === undefined) return
  const { one, two } = opened
  let label = 'seen'
  // an engine that reads and then writes, as one in several processes does
  const set = {
    async patch(_id: string, change: ImageChange, { match }: Precondition) {
      const isMeant = match!.includes(label)
      await sleep(50)
      if (!isMeant) throw new AlikeError('precondition_failed')
      label = change.label!
      return { label }
    },
  }
  const changes = [one, two, one].map((process, i) =>
    imagesThrough(process, set).patch('a', 'p', { label: `by ${i}` }, { match: ['seen'] }),
  )
  const outcomes = await Promise.allSettled(changes)
  const codes = outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code)
  assert.deepEqual(codes.sort(), [false, 'precondition_failed', 'precondition_failed'])
})

test('of members that two processes merge into the metadata of a picture at the same time, none is lost', async (t) => {
  const opened = await shared(t)
  if (opened === undefined) return
  const { one, two } = opened
  let metadata: Metadata = {}
  const set = {
    async patch(_id: string, { merge }: ImageChange) {
      const read = metadata
      await sleep(50)
      metadata = { ...read, ...merge?.members }
      return { metadata }
    },
  }
  const changes = [one, two, one].map((process, i) =>
    imagesThrough(process, set).patch('a', 'p', { merge: { members: { [i]: i } } }),
  )
  await Promise.all(changes)
  assert.deepEqual(metadata, { 0: 0, 1: 1, 2: 2 })
})

test('of changes that two processes make to all pictures and to single ones at the same time, none is lost', async (t) => {
  const opened = await shared(t)
  if (opened === undefined) return
  const { one, two } = opened
  const stored = new Map(Array.from({ length: 100 }, (_, i) => [`p${i}`, { label: 'x', metadata: {} as Metadata }]))
  const changed = (id: string, { label, merge }: ImageChange) => {
    const { label: former, metadata } = stored.get(id)!
    return { label: label ?? former, metadata: { ...metadata, ...merge?.members } }
  }
  // an engine that reads and then writes, as one in several processes does
  const set = {
    async patch(id: string, change: ImageChange) {
      const image = changed(id, change)
      await sleep(50)
      stored.set(id, image)
      return image
    },
    async change(steps: PatchStep[]) {
      const images = steps.map(({ patch, change }) => [patch, changed(patch, change)] as const)
      await sleep(50)
      for (const [id, image] of images) stored.set(id, image)
      return steps.map(() => ({ patched: true }))
    },
    async *page({ after = 'p', limit }: { after?: string; limit: number }) {
      const ids = [...stored.keys()].sort().filter((id) => id > after)
      yield { images: ids.slice(0, limit).map((id) => ({ id })), next: ids.length > limit ? ids[limit - 1] : undefined }
    },
  }
  const filter: Filter = { field: 'id', exists: true }
  const members = (name: string): ImageChange => ({ merge: { members: { [name]: 1 } } })
  const lines = (change: ImageChange) => ['p3', 'p4', 'p4'].map((patch) => ({ patch, change }))
  await Promise.all([
    imagesThrough(one, set).changeFitting('a', { filter, change: members('one') }),
    imagesThrough(two, set).changeFitting('a', { filter, change: members('two') }),
    imagesThrough(one, set).patch('a', 'p1', members('single')),
    imagesThrough(two, set).patch('a', 'p1', { label: 'y' }),
    imagesThrough(two, set).change('a', lines(members('line'))),
  ])
  const all = { one: 1, two: 1 }
  for (const [id, { label, metadata }] of stored)
    assert.deepEqual(
      [id, label, metadata],
      [
        id,
        id === 'p1' ? 'y' : 'x',
        { ...all, ...(id === 'p1' && { single: 1 }), ...(['p3', 'p4'].includes(id) && { line: 1 }) },
      ],
    )
})

/** @param set the only one */
function imagesThrough({ writes }: SharedStores, set: object): GalleryImages {
  const entry = { uid: 'uid-of-a', engine: 'any', options: {} }
  const sets = { open: async () => set, find: async () => entry, openEntry: async () => set } as unknown as RoutedSets
  return new GalleryImages(sets, writes, { committedBy: [], advance: async () => {} })
}

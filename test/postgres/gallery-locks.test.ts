/** Gallery locks on a connection without responses: no unknown lock is left behind. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { GalleryLocks } from '../../src/postgres/gallery-locks.js'
import { Notices } from '../../src/postgres/notices.js'
import { Postgres, type Sql } from '../../src/postgres/postgres.js'
import { cuttingProxy } from '../support/cutting-proxy.js'
import { newDatabase, openStores } from './shared-stores.js'

function locksAt(
  t: TestContext,
  url: string,
  { statementMs, pauses }: { statementMs?: number; pauses?: { heldMaxMs: number; pauseMaxMs: number } } = {},
): GalleryLocks {
  const postgres = new Postgres({ url, connectionsMax: 1, onLoss() {}, statementMs })
  const notices = new Notices(postgres, true, () => {})
  const locks = new GalleryLocks(postgres, notices, pauses)
  t.after(async () => {
    await locks.close()
    await notices.close()
    await postgres.close()
  })
  return locks
}

async function opened(t: TestContext) {
  const url = await newDatabase(t)
  if (url === undefined) return undefined
  await openStores(t, url) // creates the tables
  const proxy = await cuttingProxy(t, url)
  return { proxy, locks: locksAt(t, proxy.url, { statementMs: 2_000 }), others: locksAt(t, url) }
}

const nothing = async () => ({ result: 'alone', keptMs: 0 })
const first = 'SELECT $1::text'

test('writes that could not release a gallery block nobody', async (t) => {
  const { proxy, locks, others } = (await opened(t)) ?? {}
  if (proxy === undefined) return
  const passes = [await locks!.share('a'), await locks!.share('a')]
  proxy.pause()
  const given = await Promise.allSettled(passes.map((pass) => pass.giveBack()))
  assert.deepEqual(
    given.map((one) => one.status === 'rejected' && one.reason.code),
    ['store_unreachable', 'store_unreachable'],
  )
  proxy.goOn()
  assert.equal(await others!.alone('a', { withinMs: 60_000, first }, nothing), 'alone')
  await (await locks!.share('a')).giveBack()
})

test('writes wait a moment for a long one, in which others may close the gallery, but not for its end', async (t) => {
  const url = await newDatabase(t)
  if (url === undefined) return
  await openStores(t, url) // creates the tables
  const locks = locksAt(t, url, { pauses: { heldMaxMs: 10, pauseMaxMs: 10 } })
  const long = await locks.share('a')
  for (let writes = 0; writes < 3; writes++) {
    await sleep(11)
    await (await locks.share('a')).giveBack()
  }
  await long.giveBack()
})

test('a gallery is open again although the connection that closed it stalls', async (t) => {
  const { proxy, locks, others } = (await opened(t)) ?? {}
  if (proxy === undefined) return
  const stalls = async () => {
    proxy.pause()
    throw new Error('of the work')
  }
  const closed = locks!.alone('a', { withinMs: 60_000, first }, stalls)
  await assert.rejects(Promise.race([closed, sleep(10_000, 'it is still closed')]), /of the work/)
  proxy.goOn()
  await (await others!.share('a')).giveBack()
})

test('an unanswered lock is not held, and a lock that could not be released is free', async (t) => {
  const { proxy, locks, others } = (await opened(t)) ?? {}
  if (proxy === undefined) return
  const lock = await locks!.hold('sets', 'a')
  proxy.pause()
  await Promise.all([lock!.release(), assert.rejects(locks!.hold('mirror', 'a'), { code: 'store_unreachable' })])
  proxy.goOn()
  for (const what of ['sets', 'mirror'] as const) {
    // first by this process, which by now has another connection
    const again = await locks!.hold(what, 'a')
    assert.ok(again)
    await again.release()
    assert.ok(await others!.hold(what, 'a'))
  }
})

test('what is done to a closed gallery is repeated after a deadlock, while the gallery stays closed', async (t) => {
  const { locks, others } = (await opened(t)) ?? {}
  if (locks === undefined) return
  const open: boolean[] = []
  const work = async (sql: Sql) => {
    await sql.query('CREATE TABLE made_once ()')
    const pass = await Promise.race([others!.share('a'), sleep(100)])
    open.push(pass !== undefined)
    if (open.length === 1) await sql.query(`DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$`)
    return { result: 'done', keptMs: 0 }
  }
  assert.equal(await locks.alone('a', { withinMs: 60_000, first }, work), 'done')
  assert.deepEqual(open, [false, false])
})

/** Query pictures kept as their galleries request: number, duration, each once, and deleted with the gallery. */
import assert from 'node:assert/strict'
import { readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { KeptQueries } from '../../src/originals/kept-queries.js'
import { openQueryStores } from '../../src/originals/query-stores.js'
import { bucketServer } from '../support/bucket-server.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { hashOf } from './original-stores.js'

const dayMs = 86_400_000
const picture = (n: number) => Buffer.from(`picture ${n}`)

async function keptIn(
  t: TestContext,
  wanted: Record<string, number>,
  more: { originalsS3Bucket?: string; originalsS3Endpoint?: string } = {},
) {
  const dataDir = await temporaryFolder(t)
  const settings = {
    dataDir,
    originalsS3Bucket: '',
    originalsS3Prefix: 'originals/',
    originalsS3Endpoint: '',
    originalsS3Region: 'us-east-1',
  }
  const told = { kept: 0, skipped: 0, removed: 0 }
  const queries = new KeptQueries({
    stores: await openQueryStores({ ...settings, ...more }),
    rules: async (gallery) => ({ galleryUid: `uid-of-${gallery}`, keepQueries: wanted[gallery] ?? 0 }),
    wanted: async () => new Map(Object.entries(wanted).map(([name, count]) => [`uid-of-${name}`, count])),
    days: 30,
    onQuery: (what, count) => {
      told[what] += count
    },
    logger: pino({ level: 'silent' }),
  })
  t.after(() => queries.close())
  const all = async (gallery: string, max = 100) => {
    const found: string[] = []
    for await (const bytes of queries.pictures(`uid-of-${gallery}`, max)) found.push(String(bytes))
    return found
  }
  return { queries, all, told, dataDir }
}

for (const kind of ['folder', 'bucket'])
  test(`the most recent ones are kept, each once, up to the configured number, in a ${kind}`, async (t) => {
    process.env.AWS_ACCESS_KEY_ID ??= 'test'
    process.env.AWS_SECRET_ACCESS_KEY ??= 'test'
    const server = kind === 'folder' ? undefined : await bucketServer(t)
    const place = server && { originalsS3Bucket: 'b', originalsS3Endpoint: server.endpoint }
    const { queries, all, told } = await keptIn(t, { a: 3 }, place)
    for (const n of [1, 2, 2, 3, 4]) await queries.offer('a', picture(n))
    await queries.offer('nothing kept', picture(9))
    assert.deepEqual((await all('a')).sort(), ['picture 2', 'picture 3', 'picture 4'])
    assert.equal((await all('a', 2)).length, 2)
    assert.deepEqual([told.kept, told.skipped, told.removed, queries.reading.count], [5, 0, 1, 3])
    assert.deepEqual(await all('nothing kept'), [])
    const connections = server?.connections
    for (let again = 0; again < 3; again++) await queries.offer('a', picture(4))
    assert.equal(server?.connections, connections, 'one connection serves all queries')
    await queries.trim('uid-of-a', 1)
    assert.equal((await all('a')).length, 1)
    await queries.forget('uid-of-a')
    assert.deepEqual([await all('a'), queries.reading.count], [[], 0])
  })

test('a query is deleted after its retention period, and all of them with their gallery or when it keeps none any more', async (t) => {
  const wanted: Record<string, number> = { a: 10, b: 10, c: 10 }
  const { queries, all, dataDir } = await keptIn(t, wanted)
  for (const gallery of ['a', 'b', 'c']) for (const n of [1, 2]) await queries.offer(gallery, picture(n))
  const hash = hashOf(picture(1))
  const old = new Date(Date.now() - 31 * dayMs)
  await utimes(join(dataDir, 'queries', 'uid-of-a', hash.slice(0, 2), hash.slice(2, 4), hash), old, old)
  delete wanted['b']
  wanted['c'] = 0
  await queries.sweep()
  assert.deepEqual(await all('a'), ['picture 2'])
  assert.deepEqual(await readdir(join(dataDir, 'queries')), ['uid-of-a'])
})

test('searches do not wait for storing queries: those without a turn are counted and not stored', async (t) => {
  const { queries, told } = await keptIn(t, { a: 100 })
  await Promise.all(Array.from({ length: 30 }, (_, n) => queries.offer('a', picture(n))))
  assert.equal(told.kept + told.skipped, 30)
  assert.ok(told.kept >= 8 && told.skipped > 0, JSON.stringify(told))
})

test('a search answered while its gallery stops keeping queries, or is deleted, leaves none behind', async (t) => {
  const wanted: Record<string, number> = { a: 10, b: 10 }
  const { queries, all, told } = await keptIn(t, wanted)
  const offered = ['a', 'b'].map((gallery) => queries.offer(gallery, picture(1)))
  wanted['a'] = 0
  delete wanted['b']
  await Promise.all([queries.trim('uid-of-a', 0), queries.forget('uid-of-b'), ...offered])
  assert.deepEqual([await all('a'), await all('b'), told.kept], [[], [], 0])
})

test('a query that was damaged on disk does not hide the others', async (t) => {
  const { queries, all, dataDir } = await keptIn(t, { a: 3 })
  for (const n of [1, 2, 3]) await queries.offer('a', picture(n))
  const hash = hashOf(picture(2))
  await writeFile(join(dataDir, 'queries', 'uid-of-a', hash.slice(0, 2), hash.slice(2, 4), hash), 'damaged')
  assert.deepEqual((await all('a')).sort(), ['picture 1', 'picture 3'])
})

test('a deletion that the store denies keeps no other waiting, and is made up for later', async (t) => {
  process.env.AWS_ACCESS_KEY_ID ??= 'test'
  process.env.AWS_SECRET_ACCESS_KEY ??= 'test'
  let denied = [picture(1), picture(5)].map(hashOf)
  const { endpoint } = await bucketServer(t, {
    refuses: ({ method, url = '' }) =>
      method === 'DELETE' && denied.some((hash) => url.includes(hash)) ? 'AccessDenied' : undefined,
  })
  const wanted: Record<string, number> = { a: 4, b: 4, c: 4 }
  const { queries, all, told } = await keptIn(t, wanted, { originalsS3Bucket: 'b', originalsS3Endpoint: endpoint })
  const pictures = { a: [1, 2, 3, 4], b: [5, 6], c: [7] }
  for (const [gallery, numbers] of Object.entries(pictures))
    for (const n of numbers) await queries.offer(gallery, picture(n))
  wanted['a'] = 2
  for (const gallery of ['b', 'c']) delete wanted[gallery]
  await queries.sweep()
  const left = async () => [await all('a'), await all('b'), await all('c')]
  assert.deepEqual(await left(), [['picture 4', 'picture 3', 'picture 1'], ['picture 5'], []])
  await queries.offer('a', picture(8))
  assert.deepEqual([await all('a'), told.skipped], [['picture 8', 'picture 4', 'picture 1'], 0])
  denied = []
  await queries.sweep()
  assert.deepEqual(await left(), [['picture 8', 'picture 4'], [], []])
})

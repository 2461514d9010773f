/** Pictures that a job may not omit, while the server that has them is down, back, or stays down. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { AlikeError } from '../../src/errors.js'
import type { JobError } from '../../src/gallery/job-progress.js'
import { MissedImages } from '../../src/re-embedding/missed-images.js'
import { openRemoteImages } from '../../src/remote/remote-images.js'
import { imageServer } from '../support/image-server.js'

const pausesMs = [1, 1, 1]
const contentHash = 'of every picture'
/** All of them are still there. */
const differing = async (ids: readonly string[]) => ids.map((id) => ({ id, contentHash }))

interface Missing {
  missed: MissedImages
  /** What was listed before the job failed. */
  listed: JobError[]
  /** How often each was requested. */
  asked: Map<string, number>
  miss(id: string, place: number): Promise<void>
}

/** For pictures stored under their ids on a server. */
async function missing(t: TestContext, at: string, host: string): Promise<Missing> {
  const remote = openRemoteImages({
    urlAllowedHosts: host,
    urlTimeoutMs: 20_000,
    uploadMaxBytes: 1e6,
    allowLoopback: true,
  })
  t.after(() => remote.close())
  const [listed, asked] = [[] as JobError[], new Map<string, number>()]
  const lostOf = async (id: string) => {
    asked.set(id, (asked.get(id) ?? 0) + 1)
    try {
      await remote.fetch(`${at}/${id}`)
      return []
    } catch (error) {
      return [{ id, contentHash, error: error as AlikeError }]
    }
  }
  const missed = new MissedImages({
    signal: new AbortController().signal,
    pausesMs,
    differing,
    bring: async (ids) => (await Promise.all(ids.map(lostOf))).flat(),
    list: async (lines) => void listed.push(...lines),
  })
  const miss = async (id: string, place: number) => {
    for (const lost of await lostOf(id)) missed.add(lost, place)
  }
  return { missed, listed, asked, miss }
}

test('a server that is back is not queried again, and nothing is listed', async (t) => {
  let refusals = 3
  const { url, host } = await imageServer(t, {
    '/a': (response) => (refusals-- > 0 ? response.writeHead(503).end() : response.end('a')),
  })
  const { missed, listed, asked, miss } = await missing(t, url, host)
  await miss('a', 0)
  await missed.expectNone()
  await missed.expectNone()
  assert.deepEqual([listed, asked.get('a')], [[], 4])
})

test('a server that stays down fails the job after every pause, and one that refuses does so at once', async (t) => {
  const { url, host } = await imageServer(t, { '/away': (response) => response.writeHead(503).end() })
  const { missed, listed, asked, miss } = await missing(t, url, host)
  await miss('away', 7)
  await miss('gone', 3)
  await assert.rejects(missed.expectNone(), (error: AlikeError) => {
    assert.deepEqual([error.code, error.detail?.includes('There are 2 of them')], ['originals_missing', true])
    return true
  })
  assert.deepEqual(listed.map(({ item, name, code }) => [item, name, code]).sort(), [
    [3, 'gone', 'url_unreachable'],
    [7, 'away', 'url_unreachable'],
  ])
  assert.deepEqual([asked.get('away'), asked.get('gone')], [1 + pausesMs.length, 1])
})

test('a thousand missing pictures are too many, but fail nothing once they are available again', async () => {
  let isAway = true
  const listed: JobError[] = []
  const lost = (id: string) => ({ id, contentHash, error: new AlikeError('url_unreachable', { retryAfterSeconds: 1 }) })
  const missed = new MissedImages({
    signal: new AbortController().signal,
    pausesMs,
    differing,
    bring: async (ids) => (isAway ? ids.map(lost) : []),
    list: async (lines) => void listed.push(...lines),
  })
  for (let i = 0; i < 1_000; i++) {
    assert.equal(missed.areTooMany, false)
    missed.add(lost(`${i}`), i)
  }
  assert.equal(missed.areTooMany, true)
  await assert.rejects(missed.expectNone(), /There are at least 1000 of them/)
  assert.equal(listed.length, 1_000)
  isAway = false
  await missed.expectNone()
  assert.equal(missed.areTooMany, false)
})

test('a job being stopped does not wait for the next attempt', async () => {
  const stop = new AbortController()
  const missed = new MissedImages({
    signal: stop.signal,
    pausesMs: [1e8],
    differing,
    bring: async () => assert.fail('it was stopped'),
    list: async () => assert.fail('nothing failed'),
  })
  missed.add({ id: 'a', contentHash, error: new AlikeError('url_unreachable', { retryAfterSeconds: 1 }) }, 0)
  const ended = missed.expectNone()
  stop.abort()
  await assert.rejects(ended, { name: 'AbortError' })
})

test('a picture that has been deleted or replaced by the end fails nothing', async () => {
  const listed: JobError[] = []
  const missed = new MissedImages({
    signal: new AbortController().signal,
    pausesMs,
    differing: async () => [
      { id: 'replaced', contentHash: 'of another' },
      { id: 'kept', contentHash },
    ],
    bring: async () => assert.fail('no retry can change them'),
    list: async (lines) => void listed.push(...lines),
  })
  for (const [place, id] of ['deleted', 'replaced', 'kept'].entries())
    missed.add({ id, contentHash, error: new AlikeError('original_not_kept') }, place)
  await assert.rejects(missed.expectNone(), /There are 1 of them/)
  assert.deepEqual(
    listed.map(({ name }) => name),
    ['kept'],
  )
})

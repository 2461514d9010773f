/** Large responses are written slice by slice: requests that arrive meanwhile are answered in between. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoredMetadata } from '../../src/gallery/stored-json.js'
import { jsonInTurns } from '../../src/http/json-in-turns.js'
import { nextTurn } from '../../src/turns.js'
import { startApp, type TestApp, temporaryFolder } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { endedJob, errorsOf, sendJob } from '../support/jobs.js'
import { rewriteImages } from '../support/stored-rows.js'

/** Turns of the event loop available to others during some work. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let [turns, isDone] = [0, false]
  const count = () => {
    turns++
    if (!isDone) setImmediate(count)
  }
  setImmediate(count)
  await work()
  isDone = true
  return turns
}

/** Takes this many milliseconds to serialise. */
const slow = (ms: number) => ({
  toJSON() {
    for (const until = performance.now() + ms; performance.now() < until; );
    return 'slow'
  },
})

test('output written in turns equals output written at once', async () => {
  const text = '{"a":[1,{"b":"ü \\ud83d"}]}'
  const values = [
    null,
    1,
    'ü€\u{1f600}',
    [],
    {},
    [1, 2],
    [{}],
    [{ a: undefined, b: [] }],
    { a: { b: 1 }, c: [{ d: 'x', e: [{ f: 1 }] }, { g: undefined }], h: undefined },
    { hits: [], groups: [{ hits: [{ rank: 1 }] }] },
  ]
  for (const value of values) assert.equal((await jsonInTurns(value)).toString(), JSON.stringify(value))
  const stored = { hits: [{ id: 'a', metadata: new StoredMetadata(text) }, { id: 'b' }] }
  const written = (await jsonInTurns(stored)).toString()
  assert.equal(written, `{"hits":[{"id":"a","metadata":${text}},{"id":"b"}]}`)
  assert.deepEqual(JSON.parse(written), JSON.parse(JSON.stringify(stored)))
})

test('others get turns while a large response is written, and writing ends when the caller leaves', async () => {
  const large = { groups: [{ hits: Array.from({ length: 60 }, () => ({ metadata: slow(2) })) }] }
  assert.ok((await turnsDuring(() => jsonInTurns(large))) >= 8)
  const left = new AbortController()
  setImmediate(() => left.abort(new Error('left')))
  await assert.rejects(
    jsonInTurns({ hits: Array.from({ length: 10_000 }, () => ({ metadata: slow(2) })) }, left.signal),
    /left/,
  )
})

test('long tasks take turns in the event loop, in order', async () => {
  const seen: string[] = []
  let turn = 0
  const isDone = Promise.all(
    ['a', 'b', 'c'].map(async (name) => {
      for (let i = 0; i < 3; i++) {
        await nextTurn()
        seen.push(`${turn} ${name}`)
      }
    }),
  ).then(() => true)
  while (seen.length < 9) {
    await new Promise((resolve) => setImmediate(resolve))
    turn++
  }
  assert.ok(await isDone)
  assert.deepEqual(seen.map((one) => one.at(-1)).join(''), 'abcabcabc')
  assert.equal(new Set(seen.map((one) => Number.parseInt(one, 10))).size, 9)
})

async function largeGallery(t: Parameters<typeof startApp>[0], pictures: number): Promise<TestApp> {
  const dataDir = await temporaryFolder(t)
  const before = await startApp(t, { dataDir })
  await before.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const image = (await drawImage('circle', 3)).toString('base64')
  const ids = Array.from({ length: pictures }, (_, i) => `p${i}`)
  await endedJob(
    before,
    await sendJob(
      before,
      '/v1/galleries/g',
      { 'content-type': 'application/x-ndjson' },
      Buffer.from(ids.map((id) => JSON.stringify({ add: { id, image } })).join('\n')),
    ),
  )
  await before.close()
  const metadata = (i: number) => JSON.stringify({ i, words: Array.from({ length: 700 }, (_, j) => ({ ü: j })) })
  rewriteImages(dataDir, Object.fromEntries(ids.map((id, i) => [id, { metadata: metadata(i) }])))
  return startApp(t, { dataDir })
}

test('a large search, alone and in a batch, and a large list yield to others, and return the same as small ones', async (t) => {
  const app = await largeGallery(t, 300)
  const query = (k: number, offset = 0) => ({ imageId: 'p0', k, offset, includeSelf: true, include: ['metadata'] })
  const search = (payload: object) => app.call(200, { method: 'POST', url: '/v1/galleries/g/search', payload })
  let large: Awaited<ReturnType<typeof search>> | undefined
  assert.ok(
    (await turnsDuring(async () => {
      large = await search(query(300))
    })) > 5,
  )
  const small = await Promise.all(Array.from({ length: 30 }, (_, i) => search(query(10, i * 10))))
  assert.deepEqual(
    large!.hits,
    small.flatMap(({ hits }) => hits),
  )
  assert.equal((large!.hits[7]!.metadata as { words: unknown[] }).words.length, 700)

  let batch: { answers: { answer?: typeof large }[] } | undefined
  assert.ok(
    (await turnsDuring(async () => {
      batch = await app.call(200, {
        method: 'POST',
        url: '/v1/galleries/g/search/batch',
        payload: { queries: [query(300), query(10)] },
      })
    })) > 5,
  )
  assert.deepEqual(
    batch!.answers.map(({ answer }) => answer?.hits),
    [large!.hits, small[0]!.hits],
  )

  let images: { id: string; metadata: object }[] = []
  assert.ok(
    (await turnsDuring(async () => {
      ;({ images } = await app.call(200, { url: '/v1/galleries/g/images?limit=300' }))
    })) > 5,
  )
  const alone = await app.call<object>(200, { url: `/v1/galleries/g/images/${images[123]!.id}` })
  assert.deepEqual([images.length, images[123]], [300, alone])
})

test('an error report of many lines is read in turns', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const job = await endedJob(
    app,
    await sendJob(
      app,
      '/v1/galleries/g',
      { 'content-type': 'application/x-ndjson' },
      Buffer.from('{}\n'.repeat(3_000)),
    ),
  )
  let lines: unknown[] = []
  assert.ok(
    (await turnsDuring(async () => {
      lines = await errorsOf(app, job)
    })) >= 30,
  )
  assert.equal(lines.length, 3_000)
})

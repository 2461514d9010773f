/**
 * Omitted fields of a new picture, and whether it is already stored, are resolved at the time of the write, because
 * others write meanwhile.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { takeIn } from '../../src/ingest/new-image.js'
import { embeddingOf } from '../gallery/stored-images.js'
import { startApp, type TestApp } from '../support/app.js'
import { tarOf } from '../support/archives.js'
import { drawImage } from '../support/drawn-images.js'
import { endedJob, sendJob } from '../support/jobs.js'

const [one, two] = [await drawImage('circle', 1), await drawImage('square', 2)]
const url = '/v1/galleries/g/images/p'
const jpeg = { 'content-type': 'image/jpeg' }
const said = encodeURIComponent('{"v":1}')

const put = (app: TestApp, payload: Buffer, query = `?label=a&metadata=${said}`, status = 200) =>
  app.call(status, { method: 'PUT', url: `${url}${query}`, headers: jpeg, payload })
const patch = (app: TestApp, payload: object) => app.call(200, { method: 'PATCH', url, payload })
const remove = (app: TestApp) => app.call(204, { method: 'DELETE', url })

async function withImage(t: TestContext): Promise<TestApp> {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  await put(app, one, undefined, 201)
  return app
}

for (const [what, meanwhile, picture, then, expected] of [
  [
    'a label and metadata that were changed meanwhile stay',
    (app) => patch(app, { label: 'b', metadata: { v: 2 } }),
    { bytes: two },
    'updated',
    ['b', { v: 2 }, two],
  ],
  [
    'so they do when only the thumbnail and vector of before are written again',
    (app) => patch(app, { label: 'b', metadata: { v: 2 } }),
    { bytes: one, label: 'c' },
    'updated',
    ['c', { v: 2 }, one],
  ],
  [
    'what is said is written all the same',
    (app) => patch(app, { label: 'b', metadata: { v: 2 } }),
    { bytes: two, label: null, metadata: {} },
    'updated',
    [null, {}, two],
  ],
  [
    'the same picture that was changed meanwhile to say what it said is written again',
    (app) => patch(app, { metadata: { v: 2 } }),
    { bytes: one, label: 'a', metadata: { v: 1 } },
    'updated',
    ['a', { v: 1 }, one],
  ],
  ['the same picture that was removed meanwhile is stored', remove, { bytes: one }, 'added', [null, {}, one]],
  [
    'the same picture that was replaced meanwhile is stored again',
    (app) => put(app, two),
    { bytes: one },
    'updated',
    ['a', { v: 1 }, one],
  ],
  [
    'another picture that was stored meanwhile is not stored twice',
    (app) => put(app, two),
    { bytes: two, label: 'a' },
    'updated',
    ['a', { v: 1 }, two],
  ],
  [
    'the same picture of which nothing else is said is left alone, whatever was changed meanwhile',
    (app) => patch(app, { label: 'b' }),
    { bytes: one },
    'unchanged',
    ['b', { v: 1 }, one],
  ],
  [
    'one whose id was free and is not any more keeps what was said of that',
    async (app) => [await remove(app), await put(app, one, `?label=new&metadata=${said}`, 201)],
    { bytes: two },
    'updated',
    ['new', { v: 1 }, two],
  ],
] satisfies [
  string,
  (app: TestApp) => Promise<unknown>,
  { bytes: Buffer; label?: string | null; metadata?: { v?: number } },
  string,
  [string | null, object, Buffer],
][]) {
  test(what, async (t) => {
    const app = await withImage(t)
    const { galleries } = app.parts
    const step = await takeIn('g', { id: 'p', ...picture }, app.parts)
    await meanwhile(app)
    const before = await galleries.images.get('g', 'p')
    const [result] = await galleries.images.change('g', [step])
    const outcome = 'created' in result! ? (result.created ? 'added' : 'updated') : Object.keys(result!)[0]
    assert.equal(outcome, then)
    const [label, metadata, bytes] = expected
    const stored = (await galleries.images.get('g', 'p'))!
    assert.deepEqual([stored.label, stored.metadata], [label, metadata])
    assert.equal(
      stored.createdAt,
      before?.createdAt ?? stored.createdAt,
      'what is replaced keeps the time at which it was first stored',
    )
    // Record, vector and thumbnail belong to the same picture: a search with it finds it.
    assert.equal(
      (await takeIn('g', { id: 'p', bytes, label, metadata: metadata as { v?: number } }, app.parts)).unlessSame,
      true,
    )
    const { hits } = await app.call(200, {
      method: 'POST',
      url: '/v1/galleries/g/search',
      headers: jpeg,
      payload: bytes,
    })
    assert.ok(hits[0]!.score > 0.9999)
    assert.equal((await galleries.get('g')).count, 1)
  })
}

test('no acknowledged change is lost while a job takes in the same pictures', async (t) => {
  const app = await startApp(t)
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  const ids = Array.from({ length: 60 }, (_, n) => `${n}.jpg`) // not in a folder: neither label nor metadata is given
  const archive = async (shift: number) =>
    tarOf(
      await Promise.all(
        ids.map(async (path, n) => ({
          path,
          content: await drawImage('circle', n + shift, { width: 64, height: 64 }),
        })),
      ),
    )
  const tar = { 'content-type': 'application/x-tar' }
  await endedJob(app, await sendJob(app, '/v1/galleries/g', tar, await archive(0)))
  const job = await sendJob(app, '/v1/galleries/g', tar, await archive(1_000))
  const change = (id: string, n: number) =>
    app.call(200, {
      method: 'PATCH',
      url: `/v1/galleries/g/images/${id}`,
      payload: { label: `l${n}`, metadata: { n } },
    })
  await Promise.all(ids.map(change))
  assert.deepEqual([(await endedJob(app, job)).updated], [ids.length])
  for (const [n, id] of ids.entries()) {
    const { label, metadata } = (await app.parts.galleries.images.get('g', id))!
    assert.deepEqual([label, metadata], [`l${n}`, { n }])
  }
})

test('an acknowledged upload returns its own record, whatever happens to it at that moment', async (t) => {
  const app = await withImage(t)
  const answers = await Promise.all([
    app.app.inject({ method: 'PUT', url: `${url}?label=x`, headers: jpeg, payload: two }),
    ...Array.from({ length: 20 }, async () => {
      await app.app.inject({ method: 'DELETE', url })
      return app.app.inject({ method: 'PUT', url: `${url}?label=x`, headers: jpeg, payload: two })
    }),
  ])
  for (const answer of answers) {
    assert.ok([200, 201].includes(answer.statusCode), answer.body)
    assert.equal(answer.json<{ label: string }>().label, 'x')
  }
})

test('look-ups during an upsert always find record, vector and thumbnail of one picture', async (t) => {
  const app = await withImage(t)
  const { galleries } = app.parts
  let writing = true
  const writes = (async () => {
    for (let i = 0; i < 30; i++) await put(app, i % 2 ? one : two)
    writing = false
  })()
  const seen = new Map<string, string>()
  while (writing) {
    const { contentHash, modelId } = (await galleries.images.get('g', 'p'))!
    const known = await galleries.images.seen('g', { id: 'p', contentHash, modelId })
    const thumbnail = (await galleries.images.thumbnail('g', 'p'))!
    for (const [hash, bytes] of [
      [`${contentHash} seen`, known],
      [`${thumbnail.contentHash} thumbnail`, thumbnail.bytes],
    ] as const) {
      if (bytes === undefined) continue // replaced in the meantime
      const text = JSON.stringify(bytes)
      assert.equal(seen.get(hash) ?? text, text)
      seen.set(hash, text)
    }
    await embeddingOf(galleries, 'g', 'p')
    await galleries.images.thumbnail('g', 'p')
    await new Promise((resolve) => setImmediate(resolve))
  }
  await writes
})

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { makeKey } from '../../src/access/api-keys.js'
import type { Config } from '../../src/config/config.js'
import { type Answer, startApp, type TestApp, temporaryFolder } from '../support/app.js'
import { drawImage, drawnLabels } from '../support/drawn-images.js'
import { handmadeModel } from '../support/handmade-onnx.js'

const png = { 'content-type': 'image/png' }
type Hit = Answer['hits'][number] & { gallery?: string; boost?: number }
type Joined = Omit<Answer, 'hits' | 'galleries'> & { galleries: string[]; hits: Hit[]; nextPageToken?: string }

/** Pictures distributed over three galleries, and all of them in one, so that the expected ranking is known. */
async function filledApp(
  t: TestContext,
  overrides: Partial<Config> = {},
  headers: Record<string, string> = {},
): Promise<TestApp> {
  const app = await startApp(t, overrides)
  const names = ['part-a', 'part-b', 'part.c', 'whole']
  for (const name of names) await app.call(201, { method: 'PUT', url: `/v1/galleries/${name}`, headers })
  let number = 0
  for (const label of drawnLabels) {
    for (let seed = 1; seed <= 5; seed++) {
      const payload = await drawImage(label, seed, { format: 'png' })
      const metadata = encodeURIComponent(JSON.stringify({ year: 2020 + seed }))
      for (const gallery of ['whole', names[number++ % 3]!])
        await app.call(201, {
          method: 'PUT',
          url: `/v1/galleries/${gallery}/images/${label}-${seed}?label=${label}&metadata=${metadata}`,
          headers: { ...png, ...headers },
          payload,
        })
    }
  }
  return app
}

const joined = (app: TestApp, payload: object, status = 200, headers: Record<string, string> = {}) =>
  app.call<Joined>(status, { method: 'POST', url: '/v1/search', payload, headers })
const seenIn = (hits: readonly Hit[]) => hits.map(({ id, score, label, rank }) => [rank, id, score, label])

test('several galleries give the ranking of one gallery with all of their pictures', async (t) => {
  const app = await filledApp(t)
  const image = await drawImage('circle', 77, { format: 'png' })
  const query = { image: image.toString('base64'), include: ['metadata', 'thumbnail'] }
  const one = await app.call<Joined>(200, {
    method: 'POST',
    url: '/v1/galleries/whole/search',
    payload: { ...query, k: 20 },
  })
  const found = await joined(app, { ...query, k: 20, galleries: ['part-*', 'part.c'] })
  assert.deepEqual(found.galleries, ['part-a', 'part-b', 'part.c'])
  assert.deepEqual(seenIn(found.hits), seenIn(one.hits))
  assert.deepEqual([...new Set(found.hits.map(({ gallery }) => gallery))].sort(), found.galleries)
  for (const { gallery, id, metadata } of found.hits) {
    const record = await app.call(200, { url: `/v1/galleries/${gallery}/images/${id}` })
    assert.deepEqual(record.metadata, metadata)
  }
  const expanded = { image: query.image, k: 20, expand: 6 }
  const expandedOne = await app.call<Joined>(200, {
    method: 'POST',
    url: '/v1/galleries/whole/search',
    payload: expanded,
  })
  const expandedAll = await joined(app, { ...expanded, galleries: ['part-*', 'part.c'] })
  assert.deepEqual(seenIn(expandedAll.hits), seenIn(expandedOne.hits))
  assert.notDeepEqual(seenIn(expandedOne.hits), seenIn(one.hits))
  // filters, a minimum score, groups and pages work as in one gallery
  for (const terms of [
    { k: 4, offset: 3 },
    { k: 20, filter: { field: 'metadata.year', gte: 2024 } },
    { k: 20, label: ['circle', 'cross'] },
    { k: 20, minScore: one.hits[7]!.score },
    { k: 5, exact: true },
  ]) {
    const alone = await app.call<Joined>(200, {
      method: 'POST',
      url: '/v1/galleries/whole/search',
      payload: { ...query, ...terms },
    })
    const together = await joined(app, { ...query, ...terms, galleries: ['part*'] })
    assert.deepEqual(seenIn(together.hits), seenIn(alone.hits), JSON.stringify(terms))
  }
  const grouping = { ...query, k: 3, groupBy: 'label', groupSize: 2 }
  const groups = (answer: Joined) => answer.groups.map(({ key, hits }) => [key, seenIn(hits)])
  const alone = await app.call<Joined>(200, { method: 'POST', url: '/v1/galleries/whole/search', payload: grouping })
  assert.deepEqual(groups(await joined(app, { ...grouping, galleries: ['part*'] })), groups(alone))
  // a raw picture, with the galleries in the URL
  const raw = await app.call<Joined>(200, {
    method: 'POST',
    url: '/v1/search?galleries=part-a&galleries=part-b&k=3',
    headers: png,
    payload: image,
  })
  assert.deepEqual(raw.galleries, ['part-a', 'part-b'])
  assert.equal(raw.hits.length, 3)
})

test('its pages come from one ranking, whatever is stored, removed and deleted meanwhile', async (t) => {
  const app = await filledApp(t)
  const image = (await drawImage('square', 77, { format: 'png' })).toString('base64')
  const galleries = ['part*']
  const all = (await joined(app, { image, galleries, k: 20 })).hits
  const first = await joined(app, { image, galleries, k: 4, paged: true })
  assert.deepEqual(seenIn(first.hits), seenIn(all.slice(0, 4)))
  await app.call(201, {
    method: 'PUT',
    url: '/v1/galleries/part-a/images/newest',
    headers: png,
    payload: Buffer.from(image, 'base64'),
  })
  const gone = all[5]!
  await app.call(204, { method: 'DELETE', url: `/v1/galleries/${gone.gallery}/images/${gone.id}` })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/part-new' })
  const second = await joined(app, { galleries, pageToken: first.nextPageToken, k: 4 })
  assert.deepEqual(second.galleries, first.galleries)
  assert.deepEqual(seenIn(second.hits), seenIn(all.slice(4, 8).filter((hit) => hit !== gone)))
  for (const others of [['part-a'], ['part-*'], [...galleries, 'whole'], [...galleries, 'part-new']])
    await joined(app, { galleries: others, pageToken: second.nextPageToken }, 410)
  await app.call(410, {
    method: 'POST',
    url: '/v1/galleries/whole/search',
    payload: { pageToken: second.nextPageToken },
  })
})

test('boosts raise matching pictures, here and in one gallery, and the reported score is unchanged', async (t) => {
  const app = await filledApp(t)
  const image = (await drawImage('stripes', 77, { format: 'png' })).toString('base64')
  const boosts = [
    { filter: { field: 'label', equals: 'circle' }, weight: 0.3 },
    { filter: { field: 'metadata.year', gte: 2024 }, weight: 0.05 },
  ]
  const url = '/v1/galleries/whole/search'
  const plain = (await app.call<Joined>(200, { method: 'POST', url, payload: { image, k: 20, include: ['metadata'] } }))
    .hits
  const boostOf = ({ label, metadata }: Hit) =>
    (label === 'circle' ? 0.3 : 0) + (Number(metadata?.year) >= 2024 ? 0.05 : 0)
  const expected = plain
    .map((hit) => ({ hit, sum: hit.score + boostOf(hit) }))
    .sort((a, b) => b.sum - a.sum || (a.hit.id < b.hit.id ? -1 : 1))
    .map(({ hit }) => hit)
  for (const k of [3, 7, 20]) {
    const one = await app.call<Joined>(200, { method: 'POST', url, payload: { image, k, boosts } })
    assert.deepEqual(
      one.hits.map(({ id }) => id),
      expected.slice(0, k).map(({ id }) => id),
    )
    for (const [i, hit] of one.hits.entries()) {
      assert.equal(hit.score, expected[i]!.score)
      assert.ok(Math.abs(hit.boost! - boostOf(expected[i]!)) < 1e-9)
    }
    const several = await joined(app, { image, k, boosts, galleries: ['part*'] })
    assert.deepEqual(seenIn(several.hits), seenIn(one.hits))
  }
  await app.call(400, { method: 'POST', url, payload: { image, boosts, diversity: 0.5 } })
  await app.call(400, { method: 'POST', url, payload: { image, boosts: [{ ...boosts[0], weight: -1 }] } })
})

test('what only a search of one gallery takes is refused with a hint to that', async (t) => {
  const app = await startApp(t)
  const detail = 'is only for a search of one gallery, POST /v1/galleries/{gallery}/search'
  const inBody = await joined(app, { galleries: ['*'], imageId: 'a', nonsense: 1 }, 400)
  assert.deepEqual(inBody.errors, [
    { in: 'body', pointer: '/imageId', detail },
    { in: 'body', pointer: '/nonsense', detail: 'is unknown' },
  ])
  const inQuery = await app.call(400, { method: 'POST', url: '/v1/search?galleries=*&like=a&__proto__=1', payload: {} })
  assert.deepEqual(inQuery.errors, [
    { in: 'query', pointer: '/like', detail },
    { in: 'query', pointer: '/__proto__', detail: 'is unknown' },
  ])
})

test('galleries that cannot be searched together are refused', async (t) => {
  const dataDir = await temporaryFolder(t)
  const other = await startApp(t, { dataDir, modelDir: (await handmadeModel(t, { dimension: 16 })).folder })
  await other.call(201, { method: 'PUT', url: '/v1/galleries/part-old' })
  await other.close()
  const app = await filledApp(t, { dataDir })
  const image = (await drawImage('circle', 1, { format: 'png' })).toString('base64')
  assert.equal((await joined(app, { image, galleries: ['part*'] }, 409)).code, 'model_mismatch')
  assert.equal((await joined(app, { image, galleries: ['none'] }, 404)).code, 'gallery_not_found')
  assert.equal((await joined(app, { image, galleries: ['none-*'] }, 404)).code, 'gallery_not_found')
  assert.equal((await joined(app, { image }, 400)).code, 'request_invalid')
  assert.equal((await joined(app, { imageId: 'x', galleries: ['whole'] }, 400)).code, 'request_invalid')
  for (let n = 0; n < 65; n++) await app.call(201, { method: 'PUT', url: `/v1/galleries/many-${n}` })
  assert.equal((await joined(app, { image, galleries: ['many-*'] }, 422)).code, 'too_many_galleries')
})

test('a key restricted to some galleries finds those, and is refused the others', async (t) => {
  const owner = makeKey('owner', 'admin')
  const reader = makeKey('reader', 'read', { galleries: ['part-*'] })
  const apiKeys = [owner.line, reader.line].join()
  const headers = { authorization: `Bearer ${owner.key}` }
  const app = await filledApp(t, { apiKeys }, headers)
  const image = (await drawImage('circle', 1, { format: 'png' })).toString('base64')
  const own = { authorization: `Bearer ${reader.key}` }
  assert.deepEqual((await joined(app, { image, galleries: ['*'] }, 200, own)).galleries, ['part-a', 'part-b'])
  assert.equal((await joined(app, { image, galleries: ['part-a', 'whole'] }, 403, own)).code, 'gallery_forbidden')
})

test('a made-up page token does not tell whether others are reading pages', async (t) => {
  const owner = makeKey('owner', 'admin')
  const stranger = makeKey('stranger', 'read', { galleries: ['none-*'] })
  const headers = { authorization: `Bearer ${owner.key}` }
  const app = await filledApp(t, { apiKeys: [owner.line, stranger.line].join() }, headers)
  const image = (await drawImage('circle', 1, { format: 'png' })).toString('base64')
  const query = { image, galleries: ['part-*'], k: 2, paged: true }
  const { nextPageToken } = await joined(app, query, 200, headers)
  const changed = Buffer.from(nextPageToken!, 'base64url')
  changed[changed.length - 1]! ^= 1
  const asked = { galleries: ['*'], pageToken: changed.toString('base64url') }
  const own = { authorization: `Bearer ${stranger.key}` }
  assert.equal((await joined(app, asked, 410, own)).code, 'page_expired')
  assert.equal((await joined(app, { ...asked, pageToken: nextPageToken }, 410, own)).code, 'page_expired')
  const { nextPageToken: later } = await joined(app, query, 200, headers)
  const [one, other] = [nextPageToken!, later!].map((token) => Buffer.from(token, 'base64url').readUIntBE(0, 6))
  assert.ok(Math.abs(one! - other!) > 1, 'tokens are not numbered')
})

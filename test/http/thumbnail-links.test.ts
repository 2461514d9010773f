/** A caller who may only search loads the thumbnails of its hits, by links that the service has signed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeKey } from '../../src/access/api-keys.js'
import type { Config } from '../../src/config/config.js'
import { startApp, type TestApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'

const keys = {
  owner: makeKey('owner', 'admin'),
  page: makeKey('page', 'read', { verbs: ['search'], galleries: ['shop'] }),
}
const apiKeys = `${keys.owner.line},${keys.page.line}`
const as = (who: keyof typeof keys) => ({ authorization: `Bearer ${keys[who].key}` })
const secret = 'a secret of thirty-two characters'

async function filled(t: Parameters<typeof startApp>[0], settings: Partial<Config> = {}): Promise<TestApp> {
  const app = await startApp(t, { apiKeys, thumbnailLinkSecret: secret, ...settings })
  for (const gallery of ['shop', 'other']) {
    await app.call(201, { method: 'PUT', url: `/v1/galleries/${gallery}`, headers: as('owner') })
    for (const id of ['a/1 ü', 'b'])
      await app.call(201, {
        method: 'PUT',
        url: `/v1/galleries/${gallery}/images/${encodeURIComponent(id)}`,
        headers: { ...as('owner'), 'content-type': 'image/jpeg' },
        payload: await drawImage('circle', id.length),
      })
  }
  return app
}

async function searched(app: TestApp): Promise<string[]> {
  const { hits } = await app.call(200, {
    method: 'POST',
    url: '/v1/galleries/shop/search?include=thumbnail',
    headers: { ...as('page'), 'content-type': 'image/jpeg' },
    payload: await drawImage('circle', 1),
  })
  return hits.map(({ thumbnail }) => String(thumbnail))
}

test('the links of hits load without a key, in every process with the secret, and no other link does', async (t) => {
  const app = await filled(t)
  const links = await searched(app)
  assert.equal(links.length, 2)
  for (const url of links) {
    const { statusCode, headers } = await app.app.inject({ url })
    assert.deepEqual([statusCode, headers['content-type']], [200, 'image/jpeg'])
    assert.equal(headers['cache-control'], 'private, no-cache')
    assert.equal((await app.app.inject({ url, method: 'HEAD' })).statusCode, 200)
    assert.equal((await app.app.inject({ url, headers: as('page') })).statusCode, 200)
    const [path, query] = url.split('?') as [string, string]
    for (const other of [
      path,
      `${path}?`,
      url.replace('shop', 'other'),
      url.replace(/images\/[^/]+/, 'images/c'),
      url.replace('/thumbnail', '/original'),
      url.replace('/thumbnail', ''),
      url.replace(/expires=\d/, 'expires=9'),
      `/v1/galleries/shop/images?${query}`,
    ]) {
      assert.equal((await app.app.inject({ url: other })).statusCode, 401, other)
      assert.equal((await app.app.inject({ url: other, headers: as('page') })).statusCode, 403, other)
    }
  }
  const elsewhere = await filled(t)
  assert.equal((await elsewhere.app.inject({ url: links[0]! })).statusCode, 200)
  const foreign = await filled(t, { thumbnailLinkSecret: `${secret} of others` })
  assert.equal((await foreign.app.inject({ url: links[0]! })).statusCode, 401)
})

test('each hit of several galleries has the link of its own gallery', async (t) => {
  const app = await filled(t)
  const { hits } = await app.call(200, {
    method: 'POST',
    url: '/v1/search?include=thumbnail&galleries=shop&galleries=other',
    headers: { ...as('owner'), 'content-type': 'image/jpeg' },
    payload: await drawImage('circle', 1),
  })
  const links = hits.map(({ gallery, thumbnail }) => ({ gallery, url: thumbnail! }))
  assert.deepEqual(links.map(({ gallery }) => gallery).sort(), ['other', 'other', 'shop', 'shop'])
  for (const { url } of links) assert.equal((await app.app.inject({ url })).statusCode, 200, url)
})

test('a key is not looked at beside a link, and a copy in a cache is asked about', async (t) => {
  const app = await filled(t)
  const [url] = await searched(app)
  const { headers } = await app.app.inject({ url: url!, headers: { authorization: 'Bearer unknown' } })
  const again = await app.app.inject({ url: url!, headers: { 'if-none-match': headers.etag! } })
  assert.deepEqual([again.statusCode, again.headers['cache-control']], [304, 'private, no-cache'])
  const twice = await app.app.inject({ url: `${url}&signature=AAAA` })
  assert.deepEqual([twice.statusCode, twice.headers['cache-control']], [401, 'no-store'])
})

test('a link that is altered or has expired says so', async (t) => {
  const app = await filled(t)
  const [link] = await searched(app)
  const { code, detail } = await app.call(401, { url: link!.replace(/expires=\d/, 'expires=0') })
  assert.deepEqual(
    [code, detail],
    ['unauthenticated', 'This link has expired or was changed: search again for another.'],
  )
})

test('without a secret links are unsigned and need a key that may read, as before', async (t) => {
  const app = await filled(t, { thumbnailLinkSecret: '' })
  const links = await searched(app)
  for (const url of links) {
    assert.doesNotMatch(url, /\?/)
    assert.equal((await app.app.inject({ url: `${url}?expires=9999999999&signature=AAAA` })).statusCode, 401)
    await app.call(403, { url, headers: as('page') })
    assert.equal((await app.app.inject({ url, headers: as('owner') })).statusCode, 200)
  }
})

test('loads by link count against the address they come from', async (t) => {
  const app = await filled(t, { rateLimitPerMinute: 30 })
  const [url] = await searched(app)
  const statuses = new Set<number>()
  for (let times = 0; times < 31; times++) statuses.add((await app.app.inject({ url: url! })).statusCode)
  assert.deepEqual([...statuses], [200, 429])
  await searched(app)
})

test('the links of a service without keys load, too', async (t) => {
  const app = await startApp(t, { thumbnailLinkSecret: secret })
  await app.call(201, { method: 'PUT', url: '/v1/galleries/shop' })
  await app.call(201, {
    method: 'PUT',
    url: '/v1/galleries/shop/images/b',
    headers: { 'content-type': 'image/jpeg' },
    payload: await drawImage('circle', 1),
  })
  const [url] = await searched(app)
  assert.equal((await app.app.inject({ url: url! })).statusCode, 200)
})

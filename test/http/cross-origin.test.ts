import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeKey } from '../../src/access/api-keys.js'
import { startApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'
import { until } from '../support/until.js'

const origin = 'https://shop.example.com'
const corsOrigins = `${origin}, http://localhost:5173`

test('responses, refusals and unknown routes name the requesting origin, if it is listed', async (t) => {
  const { app } = await startApp(t, { corsOrigins, apiKeys: makeKey('shop', 'read').line })
  for (const [url, status] of [
    ['/livez', 200],
    ['/v1/galleries', 401],
    ['/nothing', 404],
    ['/v1/galleries/%FF', 400],
  ] as const) {
    const { statusCode, headers } = await app.inject({ url, headers: { origin } })
    assert.deepEqual([statusCode, headers['access-control-allow-origin']], [status, origin], url)
    assert.match(String(headers['access-control-expose-headers']), /Location, Retry-After/)
    assert.match(String(headers.vary), /Origin/i)
    const other = await app.inject({ url, headers: { origin: 'https://elsewhere.example.com' } })
    assert.deepEqual([other.statusCode, other.headers['access-control-allow-origin']], [status, undefined])
  }
})

test('pages of an allowed origin can read the headers that they need', async (t) => {
  const app = await startApp(t, { corsOrigins, originals: 'keep' })
  const image = '/v1/galleries/g/images/a'
  const png = { 'content-type': 'image/png' }
  await app.call(201, { method: 'PUT', url: '/v1/galleries/g' })
  await app.call(201, {
    method: 'PUT',
    url: image,
    headers: png,
    payload: await drawImage('circle', 1, { format: 'png' }),
  })
  const { id } = await app.call(202, { method: 'POST', url: '/v1/snapshots' })
  await until(async () => (await app.call<{ state: string }>(200, { url: `/v1/snapshots/${id}` })).state === 'ready')
  for (const [url, needed] of [
    [`${image}/original`, ['content-range', 'accept-ranges', 'etag', 'x-request-id']],
    [`/v1/snapshots/${id}/archive`, ['content-disposition']],
  ] as const) {
    const { headers } = await app.app.inject({ url, headers: { origin, range: 'bytes=2-5' } })
    const exposed = String(headers['access-control-expose-headers']).toLowerCase().split(', ')
    for (const name of needed) assert.ok(name in headers && exposed.includes(name), `${name} of ${url}`)
  }
})

test('a preflight needs no key and receives methods and headers', async (t) => {
  const { app } = await startApp(t, { corsOrigins, apiKeys: makeKey('shop', 'read').line })
  const asked = {
    'access-control-request-method': 'PUT',
    'access-control-request-headers': 'authorization,content-type',
  }
  const { statusCode, headers } = await app.inject({
    method: 'OPTIONS',
    url: '/v1/galleries/g/images/a',
    headers: { origin, ...asked },
  })
  assert.equal(statusCode, 204)
  assert.equal(headers['access-control-allow-origin'], origin)
  assert.match(String(headers['access-control-allow-methods']), /PUT.*DELETE/)
  assert.equal(headers['access-control-allow-headers'], 'authorization,content-type')
  assert.equal(headers['access-control-max-age'], '7200')
})

test('OPTIONS other than a preflight is an unsupported method', async (t) => {
  const { app } = await startApp(t, { corsOrigins })
  const { statusCode, headers } = await app.inject({ method: 'OPTIONS', url: '/v1/galleries', headers: { origin } })
  assert.deepEqual([statusCode, headers.allow], [405, 'GET, HEAD'])
  assert.equal(headers['cross-origin-resource-policy'], 'cross-origin')
})

test('every origin may call if so configured, none by default', async (t) => {
  const everyone = await startApp(t, { corsOrigins: '*' })
  for (const url of ['/livez', '/v1/galleries/%FF']) {
    const { headers } = await everyone.app.inject({ url, headers: { origin } })
    assert.equal(headers['access-control-allow-origin'], '*')
  }
  const closed = await startApp(t)
  const answer = await closed.app.inject({ url: '/livez', headers: { origin } })
  assert.ok(!Object.keys(answer.headers).some((name) => name.startsWith('access-control')))
  assert.equal(answer.headers['cross-origin-resource-policy'], 'same-origin')
  const preflight = { origin, 'access-control-request-method': 'PUT' }
  const refused = await closed.app.inject({ method: 'OPTIONS', url: '/v1/galleries', headers: preflight })
  assert.equal(refused.statusCode, 405)
})

test('pages of other origins cannot write to a service without keys, not even by a form', async (t) => {
  const form = { 'content-type': 'multipart/form-data; boundary=x' }
  const post = (url: string, headers: Record<string, string>) => ({ method: 'POST', url, headers }) as const
  const open = await startApp(t, { corsOrigins: 'http://localhost:5173' })
  for (const site of ['cross-site', 'same-site']) {
    const page = { origin, 'sec-fetch-site': site }
    for (const url of ['/v1/snapshots', '/v1/galleries/g/doctor'])
      assert.equal((await open.call(403, post(url, page))).code, 'origin_not_allowed')
    assert.equal(
      (await open.call(403, post('/v1/galleries/g/images', { ...page, ...form }))).code,
      'origin_not_allowed',
    )
    await open.call(404, { url: '/v1/galleries/g', headers: page })
    await open.call(404, post('/v1/galleries/g/doctor', { ...page, origin: 'http://localhost:5173' }))
  }
  // the console, a person, and whatever is no browser
  for (const headers of [{ 'sec-fetch-site': 'same-origin' }, { 'sec-fetch-site': 'none' }, {}] as Record<
    string,
    string
  >[])
    await open.call(404, post('/v1/galleries/g/doctor', { origin, ...headers }))

  // no page has a key of its own accord
  const key = makeKey('shop', 'admin')
  const closed = await startApp(t, { apiKeys: key.line })
  const page = { origin, 'sec-fetch-site': 'cross-site' }
  await closed.call(401, post('/v1/snapshots', page))
  await closed.call(404, post('/v1/galleries/g/doctor', { ...page, authorization: `Bearer ${key.key}` }))
})

test('a page whose own name leads to this machine gets nothing from a service without keys', async (t) => {
  const requests = [
    { url: '/v1/galleries' },
    { url: '/metrics' },
    { method: 'PUT', url: '/v1/galleries/g' },
    { method: 'POST', url: '/v1/search' },
  ] as const
  const local = await startApp(t, { host: '127.0.0.1', corsOrigins: 'http://alike.test:8080' })
  for (const host of [
    'evil.example',
    'evil.example:8080',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'alike.test',
  ])
    for (const request of requests)
      assert.equal((await local.call(403, { ...request, headers: { host } })).code, 'origin_not_allowed', host)
  for (const url of ['/livez', '/readyz', '/', '/v1', '/openapi.yaml']) {
    const { statusCode } = await local.app.inject({ url, headers: { host: 'evil.example' } })
    assert.equal(statusCode, 200, url)
  }
  for (const host of [
    'localhost:8080',
    'alike.localhost',
    '127.0.0.1:8080',
    '[::1]:8080',
    '192.168.1.7',
    'Alike.test:8080',
  ])
    await local.call(200, { url: '/v1/galleries', headers: { host } })

  const page = { url: '/v1/galleries', headers: { host: 'pictures.example.com' } }
  const key = makeKey('shop', 'admin')
  const settings = { host: '127.0.0.1' }
  const others = [{ host: '0.0.0.0' }, { ...settings, trustProxy: '127.0.0.1' }, { ...settings, corsOrigins: '*' }]
  for (const reached of others) await (await startApp(t, reached)).call(200, page)
  const closed = await startApp(t, { ...settings, apiKeys: key.line })
  await closed.call(200, { ...page, headers: { ...page.headers, authorization: `Bearer ${key.key}` } })
  const metrics = (await startApp(t, { ...settings, metricsPort: 9100 })).metricsApp!
  assert.equal((await metrics.inject({ url: '/metrics', headers: page.headers })).statusCode, 403)
  assert.equal((await metrics.inject('/metrics')).statusCode, 200)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify from 'fastify'
import { ApiKeys, makeKey } from '../../src/access/api-keys.js'
import { readConfig } from '../../src/config/read-config.js'
import { guard } from '../../src/http/plugins/access.js'
import { startApp } from '../support/app.js'
import { drawImage } from '../support/drawn-images.js'

const keys = { read: makeKey('reader', 'read'), write: makeKey('writer', 'write'), admin: makeKey('owner', 'admin') }
const apiKeys = Object.values(keys)
  .map(({ line }) => line)
  .join(',')
const as = (role: keyof typeof keys) => ({ authorization: `Bearer ${keys[role].key}` })

test('a caller needs a key with the role that the route requires', async (t) => {
  const app = await startApp(t, { apiKeys })
  const image = await drawImage('circle', 1, { format: 'png' })
  const gallery = '/v1/galleries/shapes'
  const png = { 'content-type': 'image/png' }
  const rows = [
    { needed: 'write', method: 'PUT', url: gallery },
    { needed: 'write', method: 'PUT', url: `${gallery}/images/a`, headers: png, payload: image },
    { needed: 'read', method: 'POST', url: `${gallery}/search`, headers: png, payload: image },
    { needed: 'read', method: 'GET', url: `${gallery}/images` },
    { needed: 'write', method: 'DELETE', url: `${gallery}/images?label=none` },
    { needed: 'read', method: 'GET', url: '/v1/models' },
    { needed: 'read', method: 'GET', url: '/metrics' },
    { needed: 'admin', method: 'DELETE', url: gallery },
  ] as const
  const order = ['read', 'write', 'admin'] as const
  for (const { needed, ...request } of rows) {
    const headers = 'headers' in request ? request.headers : {}
    const problem = await app.call(401, { ...request, headers })
    assert.equal(problem.code, 'unauthenticated', request.url)
    for (const role of order) {
      const { statusCode, body } = await app.app.inject({ ...request, headers: { ...headers, ...as(role) } })
      if (order.indexOf(role) >= order.indexOf(needed))
        assert.ok(statusCode < 300 || role === 'admin', `${role} ${request.method} ${request.url}: ${body}`)
      else assert.deepEqual([statusCode, JSON.parse(body).code], [403, 'forbidden'])
    }
  }
})

test('a wrong key is refused with instructions; both headers are accepted', async (t) => {
  const app = await startApp(t, { apiKeys })
  for (const headers of [
    { authorization: 'Bearer wrong' },
    { authorization: keys.read.key },
    { 'x-api-key': `${keys.read.key}x` },
    { 'x-api-key': '' },
  ] as Record<string, string>[]) {
    const response = await app.app.inject({ url: '/v1/galleries', headers })
    assert.deepEqual([response.statusCode, response.headers['www-authenticate']], [401, 'Bearer'])
  }
  await app.call(200, { url: '/v1/galleries', headers: { 'x-api-key': keys.read.key } })
  await app.call(200, { url: '/v1/galleries', headers: { authorization: `bearer ${keys.read.key}` } })
})

test('no cache keeps what a caller with a key was shown, nor its refusal', async (t) => {
  const app = await startApp(t, { apiKeys })
  const stored = async (url: string, headers: Record<string, string> = {}) =>
    (await app.app.inject({ url, headers })).headers['cache-control']
  for (const url of ['/v1/galleries', '/v1/models', '/v1/jobs/none', '/metrics'])
    assert.deepEqual([await stored(url, as('admin')), await stored(url)], ['no-store', 'no-store'], url)
  for (const url of ['/livez', '/openapi.yaml']) assert.equal(await stored(url), undefined, url)
})

test('probes, contract and reference need no key; metrics only if configured', async (t) => {
  const app = await startApp(t, { apiKeys })
  for (const url of ['/', '/v1', '/livez', '/readyz', '/openapi.yaml', '/docs/'])
    assert.ok((await app.app.inject(url)).statusCode < 400, url)
  assert.equal((await app.app.inject('/metrics')).statusCode, 401)
  const open = await startApp(t, { apiKeys, metricsOpen: true })
  assert.equal((await open.app.inject('/metrics')).statusCode, 200)
})

test('a key is never logged, only its name', async (t) => {
  const app = await startApp(t, { apiKeys, logLevel: 'trace' })
  await app.call(200, { url: '/v1/galleries', headers: as('read') })
  await app.call(401, { url: '/v1/galleries', headers: { authorization: 'Bearer alike_guess' } })
  await app.call(403, { method: 'DELETE', url: '/v1/galleries/none', headers: as('read') })
  const text = JSON.stringify(app.log)
  for (const { key, line } of Object.values(keys)) assert.ok(!text.includes(key) && !text.includes(line.split(':')[2]!))
  assert.ok(!text.includes('alike_guess'))
  assert.ok(app.log.some(({ caller, path }) => caller === 'reader' && path === '/v1/galleries'))
})

test('each key has its own limit of requests per minute, failed keys count by address, probes are exempt', async (t) => {
  const app = await startApp(t, { apiKeys, rateLimitPerMinute: 3 })
  const ask = async (headers: Record<string, string>) => app.app.inject({ url: '/v1/galleries', headers })
  for (let i = 0; i < 3; i++) assert.equal((await ask(as('read'))).statusCode, 200)
  const refused = await ask(as('read'))
  assert.deepEqual([refused.statusCode, refused.json<{ code: string }>().code], [429, 'rate_limited'])
  const retryAfter = Number(refused.headers['retry-after'])
  assert.ok(retryAfter >= 1 && retryAfter <= 60)
  assert.equal((await ask(as('write'))).statusCode, 200)
  const guesses: number[] = []
  for (let i = 0; i < 5; i++) guesses.push((await ask({ authorization: `Bearer guess${i}` })).statusCode)
  assert.deepEqual(guesses, [401, 401, 401, 429, 429])
  for (let i = 0; i < 9; i++) assert.equal((await app.app.inject('/readyz')).statusCode, 200)
})

test('a clock that is set back refuses nobody for longer than a minute', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 86_400_000 })
  const app = await startApp(t, { rateLimitPerMinute: 1 })
  await app.call(200, { url: '/v1/galleries' })
  t.mock.timers.reset()
  const refused = await app.app.inject('/v1/galleries')
  assert.equal(refused.statusCode, 429)
  assert.ok(Number(refused.headers['retry-after']) <= 60)
})

test('a service without keys is open, reports it, and counts by address', async (t) => {
  const app = await startApp(t, { rateLimitPerMinute: 2 })
  assert.ok(app.log.some(({ msg }) => /no API keys/.test(String(msg))))
  const statuses = []
  for (let i = 0; i < 3; i++) statuses.push((await app.app.inject('/v1/galleries')).statusCode)
  assert.deepEqual(statuses, [200, 200, 429])
})

test('a route without a role cannot be registered', async () => {
  const app = Fastify()
  await guard(app, { ...readConfig({}), keys: new ApiKeys([]), galleryOfJob: async () => '' })
  assert.throws(() => app.get('/forgotten', async () => 'all of it'), /states no role/)
  await app.close()
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trustedProxies } from '../../src/http/plugins/trusted-proxies.js'
import { startApp } from '../support/app.js'

const forwarded = (address: string, remoteAddress = '127.0.0.1') => ({
  url: '/v1/galleries',
  remoteAddress,
  headers: { 'x-forwarded-for': address },
})

test('callers behind a trusted proxy are distinguished by their own addresses', async (t) => {
  const { app } = await startApp(t, { trustProxy: '127.0.0.1, 10.0.0.0/8', rateLimitPerMinute: 1 })
  const status = async (...given: Parameters<typeof forwarded>) => (await app.inject(forwarded(...given))).statusCode
  assert.equal(await status('192.0.2.1'), 200)
  assert.equal(await status('192.0.2.2'), 200)
  assert.equal(await status('192.0.2.1'), 429)
  assert.equal(await status('198.51.100.9, 192.0.2.2', '10.1.2.3'), 429, 'what callers write themselves does not count')
  assert.equal(await status('192.0.2.3, 10.9.9.9'), 200, 'two proxies, both trusted')
  assert.equal(await status('192.0.2.4', '203.0.113.5'), 200)
  assert.equal(
    await status('192.0.2.5', '203.0.113.5'),
    429,
    'a caller that is not a proxy is identified by its connection',
  )
})

test('a caller cannot evade the limit by the many IPv6 addresses of its network', async (t) => {
  const { app } = await startApp(t, { trustProxy: '127.0.0.1', rateLimitPerMinute: 1 })
  const status = async (address: string) => (await app.inject(forwarded(address))).statusCode
  assert.equal(await status('2001:db8:0:7::1'), 200)
  for (const same of ['2001:db8:0:7::2', '2001:0DB8::7:ffff:1:2:3', '2001:db8:0:7:ffff:ffff:ffff:ffff'])
    assert.equal(await status(same), 429, same)
  for (const other of ['2001:db8:0:8::1', '2001:db8:0:70::1', '2001:db8:7::1', '::1', '::7:0:0:0:1'])
    assert.equal(await status(other), 200, other)
  // as a socket for both versions states IPv4
  assert.equal(await status('::ffff:192.0.2.1'), 200)
  assert.equal(await status('::ffff:192.0.2.2'), 200)
  assert.equal(await status('192.0.2.2'), 429)
  assert.equal(await status('::ffff:c000:201'), 429, '192.0.2.1')
  // as some proxies write them
  assert.equal(await status('192.0.2.2:4567'), 429)
  assert.equal(await status('192.0.2.3:4567'), 200)
  for (const same of ['[2001:db8:0:7::9]', '[2001:db8:0:7::9]:4567']) assert.equal(await status(same), 429, same)
})

test('without trusted proxies the header is ignored', async (t) => {
  const { app } = await startApp(t, { rateLimitPerMinute: 1 })
  assert.equal((await app.inject(forwarded('192.0.2.1'))).statusCode, 200)
  assert.equal((await app.inject(forwarded('192.0.2.2'))).statusCode, 429)
})

test('a malformed address is named', () => {
  assert.equal(trustedProxies([]), false)
  assert.deepEqual(trustedProxies(['::1', 'fd00::/8', '10.0.0.1']), ['::1', 'fd00::/8', '10.0.0.1'])
  for (const wrong of ['10.0.0', '10.0.0.0/33', '1.2.3.4/8/9', '::/129', 'a:b', '/8'])
    assert.throws(() => trustedProxies([wrong]), { code: 'config_invalid' }, wrong)
})

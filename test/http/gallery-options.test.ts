import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeKey } from '../../src/access/api-keys.js'
import { startApp } from '../support/app.js'

test('engines and defaults of galleries are returned as configured, even to keys restricted to some galleries', async (t) => {
  const shop = makeKey('shop', 'read', { galleries: ['shop-*'] })
  const app = await startApp(t, { apiKeys: shop.line, originals: 'none', keptQueriesDays: 2, setKeptDays: 3 })
  const headers = { authorization: `Bearer ${shop.key}` }
  assert.deepEqual(await app.call(200, { url: '/v1/gallery-options', headers }), {
    engines: [{ name: 'embedded', distributed: false }],
    engine: 'embedded',
    originals: 'none',
    keptQueriesDays: 2,
    setKeptDays: 3,
  })
  await app.call(401, { url: '/v1/gallery-options' })
})

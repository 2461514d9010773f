import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RateWindows } from '../../src/http/plugins/rate-windows.js'

const counting = (windows: RateWindows, windowMs: number) => (caller: string) => {
  let counted: { current: number; ttl: number } | undefined
  windows.incr(caller, (_, result) => (counted = result), windowMs)
  return counted!
}

test('a window ends after its time, whatever happens in it, and another begins with the next request', (t) => {
  let now = 1e6
  t.mock.method(performance, 'now', () => now)
  const count = counting(new RateWindows(), 200)
  assert.deepEqual(count('a'), { current: 1, ttl: 200 })
  now += 150
  assert.deepEqual(count('a'), { current: 2, ttl: 50 })
  assert.deepEqual(count('b'), { current: 1, ttl: 200 }, 'each caller has windows of its own')
  now += 50
  assert.deepEqual(count('a'), { current: 1, ttl: 200 })
})

test('of very many callers those of the newest windows are remembered, each limit for itself', () => {
  const windows = new RateWindows()
  const count = counting(windows, 1e9)
  for (let n = 0; n <= 50_000; n++) count(String(n))
  assert.equal(count('50000').current, 2)
  assert.equal(count('1').current, 2)
  assert.equal(count('0').current, 1)
  assert.equal(counting(windows.child(), 1e9)('50000').current, 1)
})

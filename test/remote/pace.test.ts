import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pace } from '../../src/remote/pace.js'

test('callers that left without their turn do not delay others', async () => {
  const pace = new Pace(4)
  await pace.turn()
  const leaving = new AbortController()
  const left = Array.from({ length: 100 }, () => pace.turn(leaving.signal))
  const startedAt = performance.now()
  const stays = [pace.turn(), pace.turn()]
  const reason = new Error('left')
  leaving.abort(reason)
  assert.ok(
    (await Promise.allSettled(left)).every((one) => one.status === 'rejected' && one.reason === reason),
    'they get the reason of their signal',
  )
  await Promise.all(stays)
  const waitedMs = performance.now() - startedAt
  assert.ok(waitedMs > 400 && waitedMs < 10_000, `${waitedMs} ms instead of half a second`)
  await assert.rejects(pace.turn(leaving.signal), reason)
})

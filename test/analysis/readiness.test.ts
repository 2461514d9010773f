import assert from 'node:assert/strict'
import { test } from 'node:test'
import { untilSettled } from '../../src/analysis/readiness.js'

test('a job that has been stopped, or is stopped meanwhile, no longer waits for work', async () => {
  const unending = new Promise<void>(() => {})
  await assert.rejects(untilSettled(unending, AbortSignal.abort()), { name: 'AbortError' })
  const stop = new AbortController()
  const waiting = untilSettled(unending, stop.signal)
  stop.abort()
  await assert.rejects(waiting, { name: 'AbortError' })
  await untilSettled(Promise.resolve(), new AbortController().signal)
})

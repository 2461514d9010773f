import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Passes } from '../../src/jobs/passes.js'
import { until } from '../support/until.js'

/** Passes that end when they are told to. */
function heldPasses() {
  const ends: (() => void)[] = []
  const passes = new Passes(() => new Promise((resolve) => ends.push(resolve)))
  return { passes, begun: () => ends.length, endLast: () => ends.at(-1)!() }
}

test('passes never overlap, and however many are requested during one, a single one follows it', async (t) => {
  const { passes, begun, endLast } = heldPasses()
  t.after(() => passes.close())
  for (let i = 0; i < 3; i++) passes.begin()
  assert.equal(begun(), 1)
  endLast()
  await until(() => begun() === 2)
  endLast()
  await new Promise(setImmediate)
  assert.equal(begun(), 2)
  passes.begin()
  assert.equal(begun(), 3)
  endLast()
})

test('of the passes requested for later, the earliest counts', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { passes, begun, endLast } = heldPasses()
  passes.beginIn(20_000)
  passes.beginIn(5_000)
  passes.beginIn(9_000)
  t.mock.timers.tick(4_999)
  assert.equal(begun(), 0)
  t.mock.timers.tick(1)
  assert.equal(begun(), 1)
  endLast()
  t.mock.timers.tick(60_000)
  await Promise.resolve()
  assert.equal(begun(), 1)
  passes.beginIn(5_000)
  t.mock.timers.tick(5_000)
  assert.equal(begun(), 2)
  endLast()
  passes.beginIn(5_000)
  await passes.close()
  t.mock.timers.tick(5_000)
  assert.equal(begun(), 2)
})

test('a pass that is due later than timers reach is not begun at once', async () => {
  const { passes, begun } = heldPasses()
  passes.beginIn(2 ** 40)
  await sleep(30)
  assert.equal(begun(), 0)
})

test('closing waits for the pass in progress, and begins no other', async () => {
  const { passes, begun, endLast } = heldPasses()
  passes.begin()
  passes.begin()
  let isClosed = false
  const closed = passes.close().then(() => (isClosed = true))
  await new Promise(setImmediate)
  assert.equal(isClosed, false)
  endLast()
  await closed
  passes.begin()
  passes.beginIn(0)
  assert.equal(begun(), 1)
})

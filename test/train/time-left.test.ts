import assert from 'node:assert/strict'
import { test } from 'node:test'
import { durationOf } from '../../src/train/progress.js'
import { epochWork, exportPasses, secondsLeft } from '../../src/train/time-left.js'

const epoch = (phase: string, side: number) => ({ phase, side, work: epochWork(1_000, { phase, side }, 224) })
const none = { count: 0 }

test('epochs of a timed kind are expected to take equally long', () => {
  const done = [
    { ...epoch('all', 224), seconds: 90 },
    { ...epoch('all', 224), seconds: 110 },
  ]
  assert.equal(secondsLeft(done, [epoch('all', 224), epoch('all', 224)], none), 200)
})

test('untimed phases are estimated by their cost relative to timed ones', () => {
  const done = [{ ...epoch('tail', 224), seconds: 70 }]
  const left = secondsLeft(done, [epoch('tail', 224), epoch('all', 224), epoch('all', 112)], none)
  assert.equal(Math.round(left!), 70 + 400 + 100)
})

test('the export counts with every pass that it makes', () => {
  const part = (length: number) => Array.from({ length }, (_, i) => i)
  const parts = { train: part(700), val: part(100), test: part(200) }
  const passes = (report: boolean, hasInstance = true) => exportPasses(parts, { report, hasInstance })
  const whole = passes(true)
  assert.deepEqual([whole, passes(false), passes(false, false)], [200 + 600 + 700 + 100 + 1_000 + 900, 200 + 600, 200])
  const done = [{ ...epoch('all', 224), seconds: 400 }]
  assert.equal(Math.round(secondsLeft(done, [], { count: whole })!), 350)
  assert.equal(secondsLeft(done, [], { count: whole, secondsEach: 0.01 }), 35)
})

test('before the first epoch there is no estimate', () => {
  assert.equal(secondsLeft([], [epoch('all', 224)], none), null)
})

test('durations are readable', () => {
  assert.deepEqual([12.2, 90, 5_399, 12_000].map(durationOf), ['13 s', '2 min', '1 h 30 min', '3 h 20 min'])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rowsOfPicture } from '../../src/train/fine-tuning/plan.js'
import { defaultFineTuneSettings } from '../../src/train/fine-tuning/settings.js'
import { durationOf } from '../../src/train/progress.js'
import { exportPasses, secondsLeft } from '../../src/train/time-left.js'

const size = { pictures: 1_000, judged: 0, fullSide: 224 }
const epoch = (phase: string, side = 224) => ({ phase, side })
const none = { count: 0 }

test('epochs of a timed kind are expected to take equally long', () => {
  const done = [
    { ...epoch('all'), seconds: 90, picturesPerSecond: 12 },
    { ...epoch('all'), seconds: 110, picturesPerSecond: 10 },
  ]
  assert.equal(secondsLeft(done, [epoch('all'), epoch('all')], size, none), 200)
})

test('untimed phases are estimated by their cost relative to timed ones', () => {
  const done = [{ ...epoch('tail'), seconds: 70, picturesPerSecond: 1_000 / 70 }]
  const toCome = [epoch('tail'), epoch('all'), epoch('all', 112)]
  assert.equal(Math.round(secondsLeft(done, toCome, size, none)!), 70 + 400 + 100)
  assert.equal(Math.round(secondsLeft(done, toCome, { ...size, judged: 100 }, none)!), 70 + 410 + 110)
})

test('what takes time in an epoch besides its pictures does not count for other phases', () => {
  const done = [{ ...epoch('head'), seconds: 60, picturesPerSecond: 50 }]
  assert.equal(Math.round(secondsLeft(done, [epoch('head'), epoch('all')], size, { count: 500 })!), 60 + 400 + 50)
})

test('views that a batch shows a second time count as pictures', () => {
  const { batch, instance } = defaultFineTuneSettings
  const rows = (mixShare: number, weight = instance.weight) =>
    rowsOfPicture({
      ...defaultFineTuneSettings,
      data: '',
      init: '',
      name: '',
      mixShare,
      instance: { ...instance, weight },
    })
  assert.deepEqual([batch.samples, instance.pairs], [4, 2])
  assert.deepEqual([rows(0), rows(0.5), rows(0, 0)], [1.5, 1.25, 1])
})

test('the export counts with every pass that it makes', () => {
  const part = (length: number) => Array.from({ length }, (_, i) => i)
  const parts = { train: part(700), val: part(100), test: part(200) }
  const passes = (report: boolean, hasInstance = true) => exportPasses(parts, { report, hasInstance })
  const whole = passes(true)
  assert.deepEqual([whole, passes(false), passes(false, false)], [200 + 600 + 700 + 100 + 1_000 + 900, 200 + 600, 200])
  const done = [{ ...epoch('all'), seconds: 400, picturesPerSecond: 2.5 }]
  assert.equal(Math.round(secondsLeft(done, [], size, { count: whole })!), 350)
  assert.equal(secondsLeft(done, [], size, { count: whole, secondsEach: 0.01 }), 35)
})

test('before the first epoch there is no estimate', () => {
  assert.equal(secondsLeft([], [epoch('all')], size, none), null)
})

test('durations are readable', () => {
  assert.deepEqual([12.2, 90, 5_399, 12_000].map(durationOf), ['13 s', '2 min', '1 h 30 min', '3 h 20 min'])
})

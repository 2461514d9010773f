import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EpochProgress } from '../../src/train/progress.js'

test('an epoch that is resumed is timed by the batches after that, however long the others took', () => {
  const busyHour = { lossSum: 30, batches: 30, images: 300, waitedMs: 0, seconds: 3_600 }
  const progress = new EpochProgress(0, busyHour)
  for (let batch = 1; batch <= 10; batch++) progress.add(1, 10, '', batch * 1_000)
  // 40 batches of a second, and 5 seconds of evaluation
  assert.deepEqual(progress.timed({ trained: 10_000, judged: 15_000 }), { seconds: 45, picturesPerSecond: 10 })
  assert.equal(progress.seconds(15_000), 3_615)
})

test('a slow pace has a decimal, so that it is not told as none', () => {
  const lineAfter = (images: number) => new EpochProgress(0).add(1, images, 'batch 1/2', 20_000)
  assert.deepEqual(
    [lineAfter(8), lineAfter(600)],
    ['  batch 1/2 loss 1.000 0.4 pictures/s', '  batch 1/2 loss 1.000 30 pictures/s'],
  )
})

test('an epoch whose last batch was done before it was resumed says nothing about the time', () => {
  const progress = new EpochProgress(0, { lossSum: 1, batches: 1, images: 10, waitedMs: 0, seconds: 60 })
  assert.equal(progress.timed({ trained: 1, judged: 1_000 }), null)
})

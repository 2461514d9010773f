import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Batcher, type BatcherOptions, type Priority } from '../../src/embedding/batcher.js'

/** Its clock stands still, long after the last search, unless a test sets it. */
const base: BatcherOptions = {
  batchSizes: [1, 2, 4, 8],
  runMs: [2, 2.1, 2.3, 2.7],
  padded: false,
  sharers: 1,
  maxQueue: 100,
  now: () => 0,
}

function batcherWith(
  count: number,
  options: Partial<BatcherOptions> = {},
  priority: Priority = 'interactive',
): Batcher<string> {
  const batcher = new Batcher<string>({ ...base, ...options })
  for (let i = 0; i < count; i++) assert(batcher.add(`${priority} ${i}`, priority))
  return batcher
}

const sizes: { waiting: number; options: Partial<BatcherOptions>; items: number; batchSize: number }[] = [
  { waiting: 1, options: {}, items: 1, batchSize: 1 },
  { waiting: 3, options: {}, items: 2, batchSize: 2 },
  { waiting: 7, options: {}, items: 4, batchSize: 4 },
  { waiting: 50, options: {}, items: 8, batchSize: 8 },
  { waiting: 3, options: { padded: true }, items: 3, batchSize: 4 },
  { waiting: 5, options: { padded: true }, items: 5, batchSize: 8 },
  { waiting: 50, options: { padded: true }, items: 8, batchSize: 8 },
  { waiting: 8, options: { sharers: 2 }, items: 4, batchSize: 4 },
  { waiting: 2, options: { sharers: 2 }, items: 1, batchSize: 1 },
  { waiting: 9, options: { batchSizes: [1] }, items: 1, batchSize: 1 },
  { waiting: 9, options: { batchSizes: [1], padded: true }, items: 1, batchSize: 1 },
  { waiting: 6, options: { sharers: 2, padded: true }, items: 4, batchSize: 4 },
  { waiting: 5, options: { padded: true, runMs: [2, 4, 8, 16] }, items: 4, batchSize: 4 },
  {
    waiting: 17,
    options: { padded: true, batchSizes: [1, 4, 16, 64], runMs: [2.4, 2.6, 3.5, 7.1] },
    items: 16,
    batchSize: 16,
  },
  {
    waiting: 40,
    options: { padded: true, batchSizes: [1, 4, 16, 64], runMs: [2.4, 2.6, 3.5, 7.1] },
    items: 40,
    batchSize: 64,
  },
  { waiting: 3, options: { padded: true, batchSizes: [16], runMs: [3.5] }, items: 3, batchSize: 16 },
]
for (const { waiting, options, items, batchSize } of sizes) {
  test(`${waiting} waiting with ${JSON.stringify(options)}: ${items} of them run in a batch of ${batchSize}`, () => {
    const batch = batcherWith(waiting, options).take()
    assert.equal(batch.items.length, items)
    assert.equal(batch.batchSize, batchSize)
  })
}

test('pictures leave in order of arrival', () => {
  const batcher = batcherWith(6)
  const order = [...batcher.take().items, ...batcher.take().items]
  assert.deepEqual(
    order,
    [0, 1, 2, 3, 4, 5].map((i) => `interactive ${i}`),
  )
  assert.deepEqual(batcher.take().items, [])
})

test('searches go first, and bulk still gets every fifth batch', () => {
  const batcher = batcherWith(50, { batchSizes: [1] })
  for (let i = 0; i < 10; i++) batcher.add(`bulk ${i}`, 'bulk')
  const kinds = Array.from({ length: 15 }, () => batcher.take().items[0]?.split(' ')[0])
  const round = ['interactive', 'interactive', 'interactive', 'interactive', 'bulk']
  assert.deepEqual(kinds, [...round, ...round, ...round])
})

test('bulk runs in full batches while nobody searches, and one by one for a second after a search', () => {
  let nowMs = 0
  const batcher = batcherWith(30, { now: () => nowMs }, 'bulk')
  assert.equal(batcher.take().items.length, 8)
  batcher.add('search', 'interactive')
  assert.deepEqual(batcher.take().items, ['search'], 'a search is not held up by bulk that arrived earlier')
  nowMs = 900
  assert.equal(batcher.take().items.length, 1)
  nowMs = 1100
  assert.equal(batcher.take().items.length, 8)
})

test('if padding makes batches cheap, bulk stays in full batches', () => {
  const batcher = batcherWith(30, { padded: true }, 'bulk')
  batcher.add('search', 'interactive')
  batcher.take()
  assert.equal(batcher.take().items.length, 8)
})

test('a full queue refuses only its own priority', () => {
  const batcher = batcherWith(3, { maxQueue: 3 }, 'bulk')
  assert.equal(batcher.add('one more', 'bulk'), false)
  assert.equal(batcher.add('search', 'interactive'), true)
  assert.equal(batcher.depth, 4)
})

test('an abandoned picture frees its place and is never taken', () => {
  const batcher = batcherWith(3, { maxQueue: 3 })
  assert.equal(batcher.remove('interactive 1'), true)
  assert.equal(batcher.remove('interactive 1'), false)
  assert.equal(batcher.add('late', 'interactive'), true)
  assert.deepEqual([...batcher.take().items, ...batcher.take().items], ['interactive 0', 'interactive 2', 'late'])
})

test('drain empties both queues', () => {
  const batcher = batcherWith(2)
  batcher.add('bulk 0', 'bulk')
  assert.deepEqual(batcher.drain(), ['interactive 0', 'interactive 1', 'bulk 0'])
  assert.equal(batcher.depth, 0)
})

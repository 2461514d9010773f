import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allOrNone } from '../../src/embedding/all-or-none.js'

test('results are in the order of the items', async () => {
  assert.deepEqual(await allOrNone([3, 1, 2], undefined, async (item) => item * 10), [30, 10, 20])
  assert.deepEqual(await allOrNone([7], undefined, (item) => item), [7])
  assert.deepEqual(await allOrNone([], undefined, () => 1), [])
})

test('no more of them are in progress at once than allowed', async () => {
  let underWay = 0
  let most = 0
  const work = async (item: number) => {
    most = Math.max(most, ++underWay)
    await new Promise(setImmediate)
    underWay--
    return item
  }
  assert.deepEqual([await allOrNone([1, 2, 3, 4, 5], undefined, work, { atOnce: 2 }), most], [[1, 2, 3, 4, 5], 2])
  await allOrNone([1, 2, 3, 4, 5], undefined, work)
  assert.equal(most, 5)
})

test('the first failure stops the others, also if it is immediate', async () => {
  const stopped: number[] = []
  const work = (item: number, signal: AbortSignal | undefined) => {
    if (item === 2) throw new Error('two')
    return new Promise<number>((_, reject) =>
      signal?.addEventListener('abort', () => {
        stopped.push(item)
        reject(signal.reason)
      }),
    )
  }
  await assert.rejects(allOrNone([0, 1, 2], undefined, work), /two/)
  assert.deepEqual(stopped, [0, 1])
})

test('an aborted signal stops all', async () => {
  const caller = new AbortController()
  const waiting = allOrNone(
    [0, 1],
    caller.signal,
    (_, signal) => new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
  )
  caller.abort(new Error('left'))
  await assert.rejects(waiting, /left/)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WriteGates } from '../../src/gallery/write-gates.js'

function held(): { promise: Promise<void>; release: () => void } {
  let release = (): void => {}
  const promise = new Promise<void>((resolve) => {
    release = resolve
  })
  return { promise, release }
}

test('while a gate is closed no write is in progress; new ones wait, those of other galleries pass', async () => {
  const gates = new WriteGates()
  const told: string[] = []
  const [first, closed] = [held(), held()]
  const before = gates.pass('a', async () => {
    await first.promise
    told.push('before')
  })
  const work = gates.whileClosed('a', async () => {
    told.push('closed')
    await closed.promise
    told.push('open')
  })
  const after = gates.pass('a', async () => void told.push('after'))
  await gates.pass('b', async () => void told.push('other'))
  assert.deepEqual(told, ['other'])
  first.release()
  await before
  closed.release()
  await Promise.all([work, after])
  assert.deepEqual(told, ['other', 'before', 'closed', 'open', 'after'])
})

test('failed work reopens the gate, and failed writes are not waited for', async () => {
  const gates = new WriteGates()
  await assert.rejects(gates.pass('a', async () => Promise.reject(new Error('no'))))
  await assert.rejects(gates.whileClosed('a', async () => Promise.reject(new Error('neither'))))
  assert.equal(await gates.pass('a', async () => 'through'), 'through')
  const order: number[] = []
  await Promise.all([1, 2].map((n) => gates.whileClosed('a', async () => void order.push(n))))
  assert.deepEqual(order, [1, 2])
})

test('a gate that waits too long for a write in progress reopens, and its work is undone', async () => {
  const gates = new WriteGates()
  const first = held()
  const before = gates.pass('a', () => first.promise)
  const stop = new AbortController()
  const work = gates.whileClosed('a', () => assert.fail('it was begun'), stop.signal)
  const after = gates.pass('a', async () => 'after')
  stop.abort(new Error('too long'))
  await assert.rejects(work, /too long/)
  assert.equal(await after, 'after')
  first.release()
  await before
  assert.equal(await gates.whileClosed('a', async () => 'closed', stop.signal), 'closed')
})

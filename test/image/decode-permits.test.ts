import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { DecodePermits, type PermitOptions } from '../../src/image/decode-permits.js'

/** Decodes that end on request. */
function bench(count: number, maxBytes: number) {
  const permits = new DecodePermits({ count, maxBytes })
  const running = new Map<string, () => void>()
  const order: string[] = []
  const start = (name: string, options: PermitOptions) =>
    permits.run(async () => {
      order.push(name)
      await new Promise<void>((resolve) => running.set(name, resolve))
      running.delete(name)
    }, options)
  const end = async (name: string) => {
    running.get(name)!()
    await turn()
  }
  return { permits, running, order, start, end }
}

test('pictures wait until their memory is available, and free it afterwards', async () => {
  const { permits, running, start, end } = bench(4, 100)
  const all = [start('a', { bytes: 60 }), start('b', { bytes: 60 }), start('c', { bytes: 40 })]
  await turn()
  assert.deepEqual(
    [[...running.keys()], permits.depth, permits.bytesInUse],
    [['a'], 2, 60],
    'nobody overtakes the next one',
  )
  await end('a')
  assert.deepEqual([[...running.keys()], permits.depth, permits.bytesInUse], [['b', 'c'], 0, 100])
  await end('b')
  await end('c')
  await Promise.all(all)
  assert.equal(permits.bytesInUse, 0)
})

test('a request beyond the limit is refused at once, naming the limit', async () => {
  const { permits, start } = bench(1, 100)
  await assert.rejects(start('a', { bytes: 101 }), { code: 'image_too_much_memory', detail: /101 of the 100 bytes/ })
  assert.deepEqual([permits.depth, permits.bytesInUse], [0, 0])
})

test('a failed decode frees its memory', async () => {
  const permits = new DecodePermits({ count: 1, maxBytes: 100 })
  await assert.rejects(
    permits.run(() => Promise.reject(new Error('broken')), { bytes: 100 }),
    /broken/,
  )
  assert.equal(await permits.run(async () => 'next', { bytes: 100 }), 'next')
})

test('searches go first, but a large bulk picture is not overtaken forever', async () => {
  const { order, start, end } = bench(2, 100)
  const all = [start('first', { bytes: 50 }), start('large', { bytes: 100, priority: 'bulk' })]
  for (let i = 0; i < 40; i++) all.push(start(`search ${i}`, { bytes: 50 }))
  for (let i = 0; order.at(-1) !== 'large'; i++) {
    assert.ok(i < 40, 'the large one never arrived')
    await turn()
    await end(order[i]!)
  }
  assert.ok(order.length > 10, `${order.length} before it: searches go first`)
  for (let i = order.indexOf('large'); i < all.length; i++) {
    await end(order[i]!)
    await turn()
  }
  await Promise.all(all)
})

test('leaving the queue lets those behind proceed', async () => {
  const { running, start, end } = bench(4, 100)
  const leaving = new AbortController()
  const first = start('a', { bytes: 50 })
  const large = start('large', { bytes: 100, signal: leaving.signal })
  const small = start('small', { bytes: 50 })
  await turn()
  assert.deepEqual([...running.keys()], ['a'])
  leaving.abort(new Error('gone'))
  await assert.rejects(large, /gone/)
  await turn()
  assert.deepEqual([...running.keys()], ['a', 'small'])
  await end('a')
  await end('small')
  await Promise.all([first, small])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { type DecodeBudget, DecodePermits, type PermitOptions } from '../../src/image/decode-permits.js'

/** Decodes that end on request. */
function bench(
  count: number,
  maxBytes: number,
  { kept, now }: Pick<DecodeBudget, 'kept'> & { now?: () => number } = {},
) {
  const permits = new DecodePermits({ count, kept, maxBytes }, now)
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

test('while searches come, bulk leaves decoders free for the next one, and takes all of them a second later', async () => {
  let now = 0
  const { running, start, end } = bench(4, 100, { kept: 1, now: () => now })
  const bulk = (name: string) => start(name, { bytes: 1, priority: 'bulk' })
  const all = ['a', 'b', 'c', 'd', 'e', 'f'].map(bulk)
  await turn()
  assert.deepEqual([...running.keys()], ['a', 'b', 'c', 'd'], 'nobody searches')
  all.push(start('search', { bytes: 1 }))
  await end('a')
  await end('b')
  assert.deepEqual([...running.keys()], ['c', 'd', 'search', 'e'])
  await end('search')
  assert.deepEqual([...running.keys()], ['c', 'd', 'e'], 'one stays free')
  all.push(start('next search', { bytes: 1 }))
  await turn()
  assert.deepEqual([...running.keys()], ['c', 'd', 'e', 'next search'], 'which a search gets at once')
  now = 1_000
  all.push(bulk('g'))
  await end('c')
  await end('next search')
  assert.deepEqual([...running.keys()], ['d', 'e', 'f', 'g'])
  for (const name of ['d', 'e', 'f', 'g']) await end(name)
  await Promise.all(all)
})

test('searches that find every decoder in use are not held up by bulk that may not have more of them', async () => {
  const { running, start, end } = bench(3, 100, { kept: 1, now: () => 0 })
  const all = [
    start('a', { bytes: 1 }),
    start('b', { bytes: 1, priority: 'bulk' }),
    start('c', { bytes: 1, priority: 'bulk' }),
  ]
  all.push(start('d', { bytes: 1, priority: 'bulk' }))
  for (let i = 0; i < 40; i++) all.push(start(`search ${i}`, { bytes: 1 }))
  await turn()
  await end('a')
  for (let i = 0; i < 40; i++) {
    await turn()
    assert.deepEqual([...running.keys()], ['b', 'c', `search ${i}`])
    await end(`search ${i}`)
  }
  for (const name of ['b', 'c', 'd']) await end(name)
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

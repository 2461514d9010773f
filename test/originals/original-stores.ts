/** The contract of every store of originals, run over a function that opens one. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import type { OriginalStore } from '../../src/originals/original-store.js'

export const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const long = () => new Date(Date.now() + 3_600_000)

export async function listed(store: OriginalStore): Promise<{ contentHash: string; bytes: number }[]> {
  const found = []
  for await (const one of store.list()) found.push(one)
  return found
}

export function testOriginalStore(name: string, open: (t: TestContext) => Promise<OriginalStore>): void {
  test(`${name}: an original is returned as stored, whole and in part`, async (t) => {
    const store = await open(t)
    const bytes = randomBytes(100_000)
    const hash = hashOf(bytes)
    assert.equal(await store.get(hash), undefined)
    assert.equal(await store.size(hash), undefined)
    await assert.rejects(store.read(hash, { first: 0, last: 9 }), { code: 'original_unreadable' })
    await store.put(hash, bytes)
    assert.deepEqual(await store.get(hash), bytes)
    assert.equal(await store.size(hash), bytes.length)
    assert.deepEqual(await buffer(await store.read(hash, { first: 10, last: 19 })), bytes.subarray(10, 20))
    assert.deepEqual(await buffer(await store.read(hash, { first: 99_999, last: 99_999 })), bytes.subarray(99_999))
  })

  test(`${name}: storing the same original again or concurrently yields one`, async (t) => {
    const store = await open(t)
    const bytes = randomBytes(1_000)
    const hash = hashOf(bytes)
    await Promise.all([store.put(hash, bytes), store.put(hash, bytes)])
    await store.put(hash, bytes)
    const found = await listed(store)
    assert.equal(found.filter(({ contentHash }) => contentHash === hash).length, 1)
    assert.equal(found.find(({ contentHash }) => contentHash === hash)!.bytes, 1_000)
  })

  test(`${name}: a removed original is gone, a recently stored one stays`, async (t) => {
    const store = await open(t)
    const bytes = randomBytes(1_000)
    const hash = hashOf(bytes)
    await store.put(hash, bytes)
    assert.equal(await store.remove(hash, new Date(Date.now() - 60_000)), 0)
    assert.deepEqual(await store.get(hash), bytes)
    assert.equal(await store.remove(hash, long()), 1_000)
    assert.equal(await store.get(hash), undefined)
    assert.equal(await store.remove(hash, long()), 0)
  })

  test(`${name}: an original stored while being removed exists once acknowledged`, async (t) => {
    const store = await open(t)
    const bytes = randomBytes(1_000)
    const hash = hashOf(bytes)
    await store.put(hash, bytes)
    for (let round = 0; round < 60; round++) {
      const removed = store.remove(hash, long())
      // at a different moment of the removal each time
      for (let turn = 0; turn < round % 6; turn++) await new Promise(setImmediate)
      await store.put(hash, bytes)
      await removed
      assert.equal(await store.size(hash), bytes.length, `round ${round}`)
    }
  })

  test(`${name}: an empty original is supported`, async (t) => {
    const store = await open(t)
    const hash = hashOf(Buffer.alloc(0))
    await store.put(hash, Buffer.alloc(0))
    assert.equal(await store.size(hash), 0)
    assert.equal((await store.get(hash))!.length, 0)
  })
}

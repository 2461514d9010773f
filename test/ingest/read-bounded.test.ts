import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gathered, readBounded } from '../../src/ingest/read-bounded.js'

async function* of(...sizes: number[]): AsyncGenerator<Uint8Array> {
  let next = 0
  for (const size of sizes) yield Uint8Array.from({ length: size }, () => next++)
}

test('small pieces are kept together, large ones as they are, and no byte changes', async () => {
  const rows = [[], [1], [20_000], [1, 20_000, 1, 1], Array<number>(40_000).fill(1), [16_384, 1, 16_383, 5, 40_000]]
  for (const sizes of rows) {
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    const expected = Buffer.from(Uint8Array.from({ length: bytes }, (_, n) => n))
    assert.deepEqual(await readBounded(of(...sizes), bytes), expected)
    let pieces = 0
    for await (const _ of gathered(of(...sizes))) pieces++
    assert.ok(pieces <= 2 + (2 * bytes) / 16_384, `${pieces} pieces of ${bytes} bytes`)
  }
})

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { contentHashOf } from '../src/content-hash.js'

test('a content hash is the SHA-256 of all bytes, and others get turns while that of a large picture is computed', async () => {
  for (const length of [0, 1, 2 ** 20, 2 ** 20 + 1, 8 * 2 ** 20]) {
    const bytes = randomBytes(length)
    let [turns, isDone] = [0, false]
    const count = () => {
      turns++
      if (!isDone) setImmediate(count)
    }
    setImmediate(count)
    assert.equal(await contentHashOf(bytes), createHash('sha256').update(bytes).digest('hex'))
    isDone = true
    assert.equal(turns >= 6, length === 8 * 2 ** 20, `${turns} turns for ${length} bytes`)
  }
})

/** Memory that is given back at once: whole buffers, and nothing that others may share. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { prepareImage } from '../../src/image/prepare.js'
import { discard } from '../../src/image/spent-bytes.js'
import { drawImage } from '../support/drawn-images.js'

test('a buffer is given back with all that is left of it; one of the pool is not', () => {
  const chunk = new Uint8Array(1_000)
  discard(chunk)
  assert.equal(chunk.length, 0)
  const whole = new Uint8Array(100_000)
  const part = whole.subarray(10, 20)
  discard(part)
  assert.deepEqual([whole.length, part.length], [0, 0])
  const small = Buffer.from('a key')
  discard(small)
  assert.equal(small.toString(), 'a key')
  const shared = new Uint8Array(new SharedArrayBuffer(100_000))
  discard(shared)
  assert.equal(shared.length, 100_000)
})

for (const [how, size, fit] of [
  ['enlarged from all of its pixels', { width: 60, height: 40 }, 'cover'],
  ['squashed from all of its pixels', { width: 60, height: 40 }, 'squash'],
  ['cut from one decode', { width: 400, height: 300 }, 'cover'],
  ['squashed in one decode', { width: 400, height: 300 }, 'squash'],
  ['as large as the network sees it', { width: 64, height: 64 }, 'cover'],
] as const) {
  test(`a picture that is ${how} has all of its outputs after its pixels were given back`, async () => {
    const preprocessing = {
      ...{ inputSize: 64, resizeShortSide: 64, fit, kernel: 'cubic' as const },
      ...{ mean: [0, 0, 0] as [number, number, number], std: [1, 1, 1] as [number, number, number] },
    }
    const options = { preprocessing, maxPixels: 1e6, views: 4, copies: true, thumbnail: { maxSide: 32 } }
    const made = await prepareImage(await drawImage('circle', 3, size), options)
    assert.deepEqual(
      made.views.map(({ length }) => length),
      Array(4).fill(64 * 64 * 3),
    )
    assert.ok(made.describe!().length > 0 && made.thumbnail!.length > 0)
  })
}

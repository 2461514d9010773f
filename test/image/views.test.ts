import assert from 'node:assert/strict'
import { test } from 'node:test'
import sharp from 'sharp'
import { prepareImage } from '../../src/image/prepare.js'
import type { Preprocessing } from '../../src/image/preprocessing.js'
import { mirrored } from '../../src/image/views.js'

const side = 8
const preprocessing: Preprocessing = {
  inputSize: side,
  fit: 'cover',
  resizeShortSide: side,
  kernel: 'linear',
  mean: [0, 0, 0],
  std: [1, 1, 1],
}

test('a mirror image swaps left and right and nothing else', () => {
  const pixels = Uint8Array.from({ length: 2 * 2 * 3 }, (_, i) => i)
  assert.deepEqual([...mirrored(pixels, 2)], [3, 4, 5, 0, 1, 2, 9, 10, 11, 6, 7, 8])
  assert.deepEqual(mirrored(mirrored(pixels, 2), 2), pixels)
})

test('views are the default one, its mirror image, the other fit and its mirror image', async () => {
  // wide, with white outer thirds: the centre shows none of them, the whole picture does
  const data = Buffer.alloc(24 * 8 * 3)
  for (let i = 0; i < 24 * 8; i++) data.fill(i % 24 < 8 || i % 24 >= 16 ? 255 : (i % 24) * 8, i * 3, i * 3 + 3)
  const bytes = await sharp(data, { raw: { width: 24, height: 8, channels: 3 } })
    .png()
    .toBuffer()

  const { pixels, views } = await prepareImage(bytes, { preprocessing, maxPixels: 1e6, views: 4 })
  const squashed = await prepareImage(bytes, { preprocessing: { ...preprocessing, fit: 'squash' }, maxPixels: 1e6 })
  assert.deepEqual(views, [pixels, mirrored(pixels, side), squashed.pixels, mirrored(squashed.pixels, side)])
  assert.ok(pixels[0]! < 100 && squashed.pixels[0]! > 200)

  for (const count of [1, 2, 3]) {
    assert.deepEqual(
      (await prepareImage(bytes, { preprocessing, maxPixels: 1e6, views: count })).views,
      views.slice(0, count),
    )
  }
})

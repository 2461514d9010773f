import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reduced, sizeWithin } from '../../src/image/reduction.js'

test('a size within a square keeps its shape, is never enlarged and never zero', () => {
  const rows = [
    [
      [400, 300],
      [192, 144],
    ],
    [
      [100, 50],
      [100, 50],
    ],
    [
      [10_000, 3],
      [192, 1],
    ],
    [
      [1, 1],
      [1, 1],
    ],
    [
      [192, 193],
      [191, 192],
    ],
  ] as const
  for (const [[width, height], [across, down]] of rows)
    assert.deepEqual(sizeWithin({ width, height }, 192), { width: across, height: down })
})

test('each pixel is the mean of the area it covers', () => {
  // 3 × 2 to 2 × 1: half of the middle column belongs to each
  const rgb = Uint8Array.from([0, 90, 255, 30, 90, 255, 60, 90, 255, 0, 90, 255, 30, 90, 255, 60, 90, 255])
  assert.deepEqual([...reduced({ rgb, width: 3, height: 2 }, { width: 2, height: 1 }).rgb], [10, 90, 255, 50, 90, 255])
  for (const [width, height, across, down] of [
    [275, 183, 192, 128],
    [7, 5, 7, 1],
    [1_000, 3, 1, 3],
    [64, 64, 32, 32],
  ] as const) {
    const even = reduced(
      { rgb: new Uint8Array(width * height * 3).fill(255), width, height },
      { width: across, height: down },
    )
    assert.deepEqual([even.rgb.length, Math.min(...even.rgb)], [across * down * 3, 255])
  }
  const same = { rgb, width: 3, height: 2 }
  assert.equal(reduced(same, { width: 3, height: 2 }), same)
})

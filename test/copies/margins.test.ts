import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Box } from '../../src/copies/luminance.js'
import { withoutMargins } from '../../src/copies/margins.js'
import { seededRandom } from '../../src/eval/random.js'

const [width, height] = [100, 60]

interface Margin {
  level?: number
  /** Greatest deviation from the level. */
  noise?: number
}

/** Noise of all levels within the box, and around it a margin. */
function framed(box: Box, { level = 200, noise = 0 }: Margin = {}) {
  const random = seededRandom(5)
  const values = new Uint8Array(width * height)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const isIn = x >= box.left && x < box.left + box.width && y >= box.top && y < box.top + box.height
      values[y * width + x] = isIn ? random() * 256 : level + Math.round((2 * random() - 1) * noise)
    }
  return { values, width, height }
}

test('each side has its own margin', () => {
  for (const box of [
    { left: 0, top: 0, width, height },
    { left: 7, top: 0, width: width - 7, height },
    { left: 0, top: 5, width, height: height - 5 },
    { left: 0, top: 0, width: width - 9, height },
    { left: 0, top: 0, width, height: height - 11 },
    { left: 3, top: 4, width: 80, height: 50 },
  ])
    assert.deepEqual(withoutMargins(framed(box)), box)
})

test('a margin may be as uneven as compression makes it, and have a smudge', () => {
  const box = { left: 20, top: 10, width: 60, height: 40 }
  assert.deepEqual(withoutMargins(framed(box, { level: 100, noise: 5 })), box)
  const smudged = framed(box)
  // two of a hundred pixels of the third line; three of the sixth are too many
  for (const x of [30, 31]) smudged.values[2 * width + x] = 0
  assert.deepEqual(withoutMargins(smudged), box)
  for (const x of [30, 31, 32]) smudged.values[5 * width + x] = 0
  assert.deepEqual(withoutMargins(smudged), { ...box, top: 5, height: 45 })
})

test('a margin takes a third of a side at most, of an even picture as well', () => {
  const even = withoutMargins({ values: new Uint8Array(width * height).fill(9), width, height })
  assert.deepEqual(even, { left: 35, top: 21, width: 30, height: 18 })
  assert.deepEqual(withoutMargins({ values: Uint8Array.of(1, 2), width: 2, height: 1 }), {
    left: 0,
    top: 0,
    width: 2,
    height: 1,
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { averaged, luminanceOf } from '../../src/copies/luminance.js'
import { seededRandom } from '../../src/eval/random.js'

function noise(width: number, height: number): Uint8Array {
  const random = seededRandom(6)
  return Uint8Array.from({ length: width * height * 3 }, () => random() * 256)
}

test('brightness is that of BT.601, at half size from 128 pixels a side', () => {
  const rgb = noise(127, 300)
  const { values, width, height } = luminanceOf(rgb, 127, 300)
  assert.deepEqual([width, height], [127, 300])
  values.forEach((value, i) => {
    const exact = 0.299 * rgb[3 * i]! + 0.587 * rgb[3 * i + 1]! + 0.114 * rgb[3 * i + 2]!
    assert.ok(Math.abs(value - exact) < 1.5, `${value}, ${exact}`)
  })
  // an odd last row and column are dropped
  const halved = luminanceOf(noise(129, 131), 129, 131)
  assert.deepEqual([halved.width, halved.height, halved.values.length], [64, 65, 64 * 65])
})

test('means of a box count partially covered cells by their part', () => {
  const values = Uint8Array.of(9, 9, 9, 9, 9, 9, 10, 20, 30, 9, 9, 40, 50, 60, 9, 9, 70, 80, 90, 9)
  const grid = averaged({ values, width: 5, height: 4 }, { left: 1, top: 1, width: 3, height: 3 }, 2)
  // of three cells a part takes one and a half: weights 1 and ½
  const expected = [
    [10, 20, 40, 50],
    [30, 20, 60, 50],
    [70, 80, 40, 50],
    [90, 80, 60, 50],
  ].map(([corner, beside, below, middle]) => (corner! + beside! / 2 + below! / 2 + middle! / 4) / 2.25)
  grid.forEach((value, i) => assert.ok(Math.abs(value - expected[i]!) < 1e-9, `${i}: ${value}, ${expected[i]}`))
})

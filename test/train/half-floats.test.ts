import assert from 'node:assert/strict'
import { test } from 'node:test'
import { floatsToHalves, halvesToFloats } from '../../src/train/half-floats.js'

test('every half round-trips', () => {
  const halves = Uint16Array.from({ length: 1 << 16 }, (_, bits) => bits).filter(
    (bits) => (bits & 0x7c00) !== 0x7c00 || (bits & 0x3ff) === 0,
  )
  assert.deepEqual(floatsToHalves(halvesToFloats(halves)), halves)
})

const rows: [value: number, half: number][] = [
  [1, 1],
  [-0.1, -0.0999755859375],
  [2049, 2048], // ties go to the even one
  [2051, 2052],
  [65504, 65504],
  [65519, 65504],
  [65520, Infinity],
  [-1e9, -Infinity],
  [2 ** -24, 2 ** -24],
  [2 ** -25, 0],
  [2 ** -25 * 1.5, 2 ** -24],
  [6.1e-5, 1023 * 2 ** -24],
  [1e-9, 0],
]
for (const [value, half] of rows) {
  test(`${value} rounds to ${half}`, () =>
    assert.equal(halvesToFloats(floatsToHalves(Float32Array.of(value)))[0], half))
}

test('NaN stays NaN', () => assert.ok(Number.isNaN(halvesToFloats(floatsToHalves(Float32Array.of(NaN)))[0])))

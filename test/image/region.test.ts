import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Region, regionToPixels } from '../../src/image/region.js'

const pixel = (x: number, y: number, width: number, height: number): Region => ({ x, y, width, height, unit: 'pixel' })
const relative = (x: number, y: number, width: number, height: number): Region => ({
  x,
  y,
  width,
  height,
  unit: 'relative',
})

test('a region becomes whole pixels inside the picture of 100 × 50', () => {
  const rows: [Region, [number, number, number, number]][] = [
    [pixel(10, 5, 20, 10), [10, 5, 20, 10]],
    [relative(0.1, 0.1, 0.2, 0.2), [10, 5, 20, 10]],
    [relative(0, 0, 1, 1), [0, 0, 100, 50]],
    [pixel(-10, -10, 30, 30), [0, 0, 20, 20]],
    [pixel(90, 40, 100, 100), [90, 40, 10, 10]],
    [relative(0.999, 0.999, 0.0001, 0.0001), [99, 49, 1, 1]],
    [pixel(12.4, 12.6, 0.1, 0.1), [12, 13, 1, 1]],
  ]
  for (const [region, [left, top, width, height]] of rows) {
    assert.deepEqual(regionToPixels(region, 100, 50), { left, top, width, height })
  }
})

test('a region outside the picture or without area is refused', () => {
  const rows = [
    pixel(100, 0, 5, 5),
    pixel(0, 60, 5, 5),
    pixel(-5, 0, 5, 5),
    pixel(0, 0, 0, 5),
    pixel(0, 0, -5, 5),
    pixel(NaN, 0, 5, 5),
    relative(1, 0, 1, 1),
  ]
  for (const region of rows) assert.throws(() => regionToPixels(region, 100, 50), { code: 'region_invalid' })
})

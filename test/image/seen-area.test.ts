import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seenArea } from '../../src/image/seen-area.js'

const cover = { fit: 'cover', inputSize: 224, resizeShortSide: 256 } as const
const squash = { fit: 'squash', inputSize: 224, resizeShortSide: 224 } as const
const left = { x: 0, y: 0, width: 0.5, height: 1, unit: 'relative' } as const

for (const [name, size, rule, region, expected] of [
  ['all of it where it is squashed', { width: 400, height: 200 }, squash, undefined, [0, 0, 1, 1]],
  [
    'the middle square, cut by its margin',
    { width: 512, height: 256 },
    cover,
    undefined,
    [0.28125, 0.0625, 0.4375, 0.875],
  ],
  ['the region', { width: 400, height: 200 }, squash, left, [0, 0, 0.5, 1]],
  ['the middle square of the region', { width: 1024, height: 256 }, cover, left, [0.140625, 0.0625, 0.21875, 0.875]],
] as const) {
  test(`the model sees ${name}`, () => {
    const { x, y, width, height } = seenArea(size, rule, region)
    assert.deepEqual([x, y, width, height], expected)
  })
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { median } from '../../src/eval/median.js'

test('the median is the middle value by size, the mean of two middle ones, and of nothing not a number', () => {
  assert.equal(median([10, 9, 1]), 9)
  assert.equal(median([100, 2, 9, 1]), 5.5)
  assert.equal(median([-3]), -3)
  assert.ok(Number.isNaN(median([])))
})

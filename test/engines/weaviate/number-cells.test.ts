import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Bounds, beginningsOf, cellsOf, digitsOf } from '../../../src/engines/weaviate/number-cells.js'
import { seededRandom } from '../embedded/vector-index/unit-vectors.js'

const special = [
  0,
  -0,
  1,
  -1,
  0.1,
  -0.1,
  2 ** 53,
  -(2 ** 53),
  1e308,
  -1e308,
  5e-324,
  -5e-324,
  250,
  255,
  256,
  4096,
  1 / 3,
]

test('digits sort like numbers, and zero has no sign', () => {
  const sorted = special.toSorted((a, b) => a - b).map(digitsOf)
  assert.deepEqual(sorted, sorted.toSorted())
  assert.equal(digitsOf(-0), digitsOf(0))
})

test('a number has a cell of a range exactly if it is in the range', () => {
  const random = seededRandom(5)
  const numbers = [
    ...special,
    ...Array.from({ length: 300 }, () => Math.floor((random() - 0.5) * 1_000)),
    ...Array.from({ length: 300 }, () => (random() - 0.5) * 10 ** Math.floor(random() * 40 - 20)),
  ]
  const some = () => numbers[Math.floor(random() * numbers.length)]!
  for (let i = 0; i < 400; i++) {
    const range: Bounds = {
      ...(random() < 0.4 ? { gt: some() } : random() < 0.5 ? { gte: some() } : {}),
      ...(random() < 0.4 ? { lt: some() } : random() < 0.5 ? { lte: some() } : {}),
    }
    const { beginnings, digits } = cellsOf(range)
    const [begins, wholes] = [new Set(beginnings), new Set(digits)]
    assert.ok(begins.size + wholes.size <= 1_000, `${begins.size} cells`)
    const { gt = -Infinity, gte = -Infinity, lt = Infinity, lte = Infinity } = range
    for (const number of numbers) {
      const known = digitsOf(number)
      const isFound = wholes.has(known) || beginningsOf(known).some((beginning) => begins.has(beginning))
      assert.equal(
        isFound,
        number > gt && number >= gte && number < lt && number <= lte,
        `${number} in ${JSON.stringify(range)}`,
      )
    }
  }
})

test('integers and halves have few prefixes', () => {
  for (const [number, most] of [
    [0, 1],
    [7, 4],
    [250, 5],
    [-250, 5],
    [0.5, 3],
    [123_456, 8],
  ] as const)
    assert.ok(beginningsOf(digitsOf(number)).length <= most, `${number}: ${beginningsOf(digitsOf(number)).length}`)
})

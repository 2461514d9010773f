/** Judged quality, checked against manual calculations. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeByVerdicts, qualityOfVerdicts } from '../../src/eval/verdict-quality.js'

/** + right, - wrong, . unjudged. */
const ranking = (text: string) => Array.from(text, (sign) => (sign === '.' ? undefined : sign === '+'))
const log2 = Math.log2

const rows: [text: string, ndcg: number | null, precision: number | null, judged: number][] = [
  ['+', 1, 1, 1],
  ['-', null, 0, 1],
  ['', null, null, 0],
  ['....', null, null, 0],
  ['++--', 1, 1 / 2, 1],
  // the right one is second of two judged: (1 / log2 3) / (1 / log2 2)
  ['-+', 1 / log2(3), 1 / 2, 1],
  // condensed to - + - +: gains at 2 and 4, best at 1 and 2
  ['-.+..-+...', (1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3)), 1 / 2, 4 / 10],
  // judged below the tenth rank: counts in the order of the judged, not in the first ten
  ['..........-+', 1 / log2(3), null, 0],
  ['+.........-', 1, 1, 1 / 10],
  // the eleventh judged hit gains nothing, nor do the ten wrong ones before it
  ['----------+', 0, 0, 1],
  // eleven right: the best order is no better than any ten of them
  ['+++++++++++', 1, 1, 1],
]
for (const [text, ndcg, precision, judged] of rows) {
  test(`the order ${text || 'of nothing'} has an nDCG of ${ndcg?.toFixed(3) ?? 'undefined'}`, () => {
    const numbers = judgeByVerdicts(ranking(text))
    const near = (value: number | null, expected: number | null) =>
      assert.ok(value === expected || Math.abs(value! - expected!) < 1e-12, `${value}, not ${expected}`)
    near(numbers['ndcg@10'], ndcg)
    near(numbers['precision@10'], precision)
    near(numbers['judged@10'], judged)
  })
}

test('means cover the queries that have the number, with their intervals', () => {
  const quality = qualityOfVerdicts(['-+', '+', '--', '...'].map(ranking))
  assert.ok(Math.abs(quality['ndcg@10'].mean! - (1 / log2(3) + 1) / 2) < 1e-12)
  assert.equal(quality['ndcg@10'].queries, 2)
  assert.deepEqual([quality['precision@10'].mean, quality['precision@10'].queries], [(1 / 2 + 1 + 0) / 3, 3])
  assert.deepEqual([quality['judged@10'].mean, quality['judged@10'].queries], [3 / 4, 4])
  const [low, high] = quality['precision@10'].interval!
  assert.ok(low >= 0 && low < 1 / 2 && high > 1 / 2 && high <= 1)
  assert.deepEqual(qualityOfVerdicts([])['ndcg@10'], { mean: null, queries: 0 })
  assert.equal(qualityOfVerdicts([ranking('+')], { bootstrapSamples: 0 })['ndcg@10'].interval, undefined)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareRankings, type RankedTwice } from '../../src/eval/compared-rankings.js'
import { qualityOfRankings } from '../../src/eval/quality.js'
import { seededRandom } from '../../src/eval/random.js'

/** Rankings of `a` among four pictures, two of them `a`. */
const ranked = (ranking: string) => ({ label: 'a', ranked: [...ranking], relevant: 2, candidates: 4 })

test("each side's numbers equal those measured separately, and the difference is that of the means", () => {
  const rankings = [
    { first: ranked('abab'), second: ranked('aabb') },
    { first: ranked('bbaa'), second: ranked('aabb') },
  ]
  const { queries, numbers } = compareRankings(rankings, { ks: [1, 10], seed: 1 })
  assert.equal(queries, 2)
  const alone = (side: 'first' | 'second') =>
    qualityOfRankings(
      rankings.map((one) => one[side]),
      { ks: [1, 10] },
    ).overall
  const map = numbers.get('mAP@10')!
  assert.deepEqual([map.first, map.second], [alone('first')['mAP@10'], alone('second')['mAP@10']])
  assert.ok(Math.abs(map.difference - (map.second - map.first)) < 1e-12)
  const rank = numbers.get('normalisedMeanRank')!
  assert.deepEqual([rank.first, rank.second], [alone('first').normalisedMeanRank, 0])
})

test('the interval is paired: if all queries improve by the same amount it is narrow, however hard they are', () => {
  const random = seededRandom(3)
  const rankings: RankedTwice[] = Array.from({ length: 200 }, () => {
    const hard = random() < 0.5
    return hard ? { first: ranked('bbaa'), second: ranked('bbaa') } : { first: ranked('aabb'), second: ranked('aabb') }
  })
  const same = compareRankings(rankings, { ks: [1], seed: 1 }).numbers.get('mAP@1')!
  assert.deepEqual([same.difference, same.interval], [0, [0, 0]])
  const worse = rankings.map((one, i) => (i % 4 === 0 ? { first: ranked('aabb'), second: ranked('bbaa') } : one))
  const { difference, interval } = compareRankings(worse, { ks: [1], seed: 1 }).numbers.get('mAP@1')!
  assert.ok(Math.abs(difference + 0.25) < 1e-12)
  assert.ok(interval[0] < difference && difference < interval[1] && interval[1] < 0)
})

test('queries without relevant pictures do not count', () => {
  const lonely = { label: 'a', ranked: ['b', 'b'], relevant: 0, candidates: 2 }
  const { queries, numbers } = compareRankings([{ first: lonely, second: lonely }], { ks: [1], seed: 1 })
  assert.deepEqual([queries, numbers.size], [0, 0])
})

test('a query counts if both sides have relevant pictures, and a number if it is defined for every query and side', () => {
  const short = { label: 'a', ranked: ['b', 'a'], relevant: 2, candidates: 100 }
  const lonely = { label: 'a', ranked: ['b', 'b'], relevant: 0, candidates: 4 }
  const rankings = [
    { first: ranked('abab'), second: ranked('aabb') },
    { first: short, second: ranked('aabb') },
    { first: lonely, second: ranked('aabb') },
    { first: ranked('aabb'), second: lonely },
  ]
  const { queries, numbers } = compareRankings(rankings, { ks: [1, 10], seed: 1 })
  assert.equal(queries, 2)
  const one = numbers.get('mAP@1')!
  assert.deepEqual([one.first, one.second, one.difference], [0.5, 1, 0.5])
  for (const name of ['mAP@10', 'meanRank', 'normalisedMeanRank', 'knnAccuracy']) assert.ok(!numbers.has(name), name)
})

test('relevant pictures missing from the gallery count as missed at every depth, and last', () => {
  const all = { label: 'a', ranked: [...'aab'], relevant: 2, candidates: 3 }
  const lacking = { label: 'a', ranked: [...'ab'], relevant: 2, candidates: 3, missing: 1 }
  const { numbers } = compareRankings([{ first: all, second: lacking }], { ks: [1, 10], seed: 1 })
  const [first, ten, rank] = ['mAP@1', 'mAP@10', 'normalisedMeanRank'].map((name) => numbers.get(name)!)
  assert.deepEqual([first!.first, first!.second], [1, 1])
  assert.deepEqual([ten!.first, ten!.second], [1, 0.5])
  // ranks 1 and 3 of three: (2 − 1.5) / (3 − 2)
  assert.deepEqual([rank!.first, rank!.second], [0, 0.5])
  const none = { label: 'a', ranked: ['b'], relevant: 2, candidates: 3, missing: 2 }
  const lost = compareRankings([{ first: all, second: none }], { ks: [1], seed: 1 }).numbers
  assert.deepEqual([lost.get('mAP@1')!.second, lost.get('normalisedMeanRank')!.second], [0, 1])
})

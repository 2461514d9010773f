import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluatePairs, scorePairs } from '../../src/eval/pairs.js'
import { seededRandom } from '../../src/eval/random.js'
import type { LabelledEmbeddings } from '../../src/eval/ranking.js'

function images(rows: [label: string, group: number, degrees: number][]): LabelledEmbeddings {
  const radians = rows.map(([, , degrees]) => (degrees * Math.PI) / 180)
  return {
    ids: rows.map((_, i) => String(i)),
    labels: rows.map(([label]) => label),
    groups: rows.map(([, group]) => group),
    embeddings: Float32Array.from(radians.flatMap((angle) => [Math.cos(angle), Math.sin(angle)])),
    dimension: 2,
  }
}

test('separate classes are distinguished without error', () => {
  const quality = evaluatePairs(
    images([
      ['a', 1, 0],
      ['a', 2, 10],
      ['b', 3, 90],
      ['b', 4, 100],
      ['b', 4, 101],
    ]),
  )!
  // the two of group 4 are copies and make no pair
  assert.deepEqual([quality.positives, quality.negatives], [3, 6])
  assert.equal(quality.rocAuc, 1)
  assert.equal(quality.equalErrorRate, 0)
  assert.ok(quality.meanPositiveScore > 0.9 && quality.meanNegativeScore < 0.2)
})

test('equal scores count half', () => {
  const quality = evaluatePairs(
    images([
      ['a', 1, 0],
      ['a', 2, 0],
      ['b', 3, 0],
    ]),
  )!
  assert.equal(quality.rocAuc, 0.5)
  assert.equal(quality.equalErrorRate, 0.5)
})

test('distances of both kinds are given as shares', () => {
  // 60 degrees apart is a distance of 1, opposite of 2
  const {
    distances: { binWidth, positives, negatives },
  } = evaluatePairs(
    images([
      ['a', 1, 0],
      ['a', 2, 60.1],
      ['b', 3, 180],
      ['b', 4, 180.1],
    ]),
  )!
  const bins = (shares: number[]) =>
    shares.flatMap((share, bin) => (share > 0 ? [[Number((bin * binWidth).toFixed(2)), share]] : []))
  assert.equal(positives.length * binWidth, 2)
  assert.deepEqual(bins(positives), [
    [0, 0.5],
    [1, 0.5],
  ])
  assert.deepEqual(bins(negatives), [
    [1.7, 0.5],
    [1.95, 0.5],
  ])
})

test('the area equals counting every pair of pairs', () => {
  const random = seededRandom(11)
  const rows = Array.from({ length: 40 }, (_, i): [string, number, number] => [
    i % 2 ? 'a' : 'b',
    i,
    Math.round(random() * 40 + (i % 2) * 20),
  ])
  const all = images(rows)
  const scores: { score: number; same: boolean }[] = []
  for (let i = 0; i < 40; i++) {
    for (let j = i + 1; j < 40; j++) {
      const [a, b] = [all.embeddings.subarray(2 * i, 2 * i + 2), all.embeddings.subarray(2 * j, 2 * j + 2)]
      scores.push({ score: Math.fround(a[0]! * b[0]! + a[1]! * b[1]!), same: rows[i]![0] === rows[j]![0] })
    }
  }
  const [positive, negative] = [scores.filter(({ same }) => same), scores.filter(({ same }) => !same)]
  let wins = 0
  for (const p of positive) for (const n of negative) wins += p.score > n.score ? 1 : p.score === n.score ? 0.5 : 0
  const quality = evaluatePairs(all)!
  assert.ok(Math.abs(quality.rocAuc - wins / (positive.length * negative.length)) < 1e-9)
  const misses = positive.filter(({ score }) => score <= quality.equalErrorScore).length / positive.length
  const falseMatches = negative.filter(({ score }) => score > quality.equalErrorScore).length / negative.length
  assert.ok(Math.abs((misses + falseMatches) / 2 - quality.equalErrorRate) < 1e-9)
  assert.ok(Math.abs(misses - falseMatches) < 0.02)
})

test('without pairs of both kinds there is no result', () => {
  assert.equal(
    evaluatePairs(
      images([
        ['a', 1, 0],
        ['a', 2, 5],
      ]),
    ),
    null,
  )
  assert.equal(evaluatePairs(images([])), null)
})

test('of very many pictures, two of each label, a sample still has pairs that share one', () => {
  const rows = Array.from({ length: 8_002 }, (_, i): [string, number, number] => [`${i >> 1}`, i, 0])
  const { same } = scorePairs(images(rows))
  assert.equal(same.length, (4000 * 3999) / 2)
  // 4,001 pairs, of which a quarter keep both pictures
  const shared = same.reduce((sum, flag) => sum + flag, 0)
  assert.ok(shared > 900 && shared < 1_100, `${shared}`)
})

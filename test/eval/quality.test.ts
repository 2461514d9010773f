import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeQuery, type RankedLabels } from '../../src/eval/judged-query.js'
import { evaluateRetrieval, qualityOfRankings } from '../../src/eval/quality.js'
import { seededRandom } from '../../src/eval/random.js'
import type { LabelledEmbeddings } from '../../src/eval/ranking.js'

const near = (found: number | null | undefined, expected: number) =>
  assert.ok(Math.abs((found ?? NaN) - expected) < 1e-9, `${found} is not ${expected}`)

test('one ranking matches a manual calculation', () => {
  // relevant at ranks 1, 3, 6 of 8; R = 3
  const query: RankedLabels = {
    label: 'a',
    ranked: ['a', 'b', 'a', 'b', 'c', 'a', 'b', 'c'],
    relevant: 3,
    candidates: 8,
  }
  const quality = judgeQuery(query, [1, 2, 5, 50])
  near(quality.get('mAP@1'), 1)
  near(quality.get('mAP@2'), 1 / 2)
  near(quality.get('mAP@5'), (1 + 2 / 3) / 3)
  near(quality.get('mAP@50'), (1 + 2 / 3 + 3 / 6) / 3)
  near(quality.get('mAP@R'), (1 + 2 / 3) / 3)
  near(quality.get('rPrecision'), 2 / 3)
  near(quality.get('mrr'), 1)
  near(quality.get('meanRank'), 10 / 3)
  near(quality.get('normalisedMeanRank'), (10 / 3 - 2) / 5)
  // a:3, b:3 among the first ten: the nearest wins
  near(quality.get('knnAccuracy'), 1)
})

test('a truncated ranking leaves numbers undefined that depend on the rest', () => {
  const quality = judgeQuery({ label: 'a', ranked: ['b', 'a', 'b', 'b'], relevant: 2, candidates: 100 }, [1, 4, 10])
  near(quality.get('mAP@1'), 0)
  near(quality.get('mAP@4'), 0.5 / 2)
  near(quality.get('mAP@R'), 0.5 / 2)
  near(quality.get('mrr'), 0.5)
  near(quality.get('recall@5'), 1)
  for (const name of ['mAP@10', 'meanRank', 'normalisedMeanRank', 'knnAccuracy'])
    assert.equal(quality.get(name), null, name)

  const complete = judgeQuery({ label: 'a', ranked: ['a', 'b', 'a'], relevant: 2, candidates: 100 }, [10])
  near(complete.get('mAP@10'), (1 + 2 / 3) / 2)
  near(complete.get('meanRank'), 2)

  // the third of three may be among the first three of the whole ranking, or not
  const shorterThanR = judgeQuery({ label: 'a', ranked: ['a', 'b'], relevant: 3, candidates: 100 }, [1])
  assert.deepEqual([shorterThanR.get('rPrecision'), shorterThanR.get('mAP@R')], [null, null])
})

test('a perfect ranking has normalised mean rank 0, the worst 1', () => {
  const perfect = judgeQuery({ label: 'a', ranked: ['a', 'a', 'b', 'b'], relevant: 2, candidates: 4 }, [10])
  const worst = judgeQuery({ label: 'a', ranked: ['b', 'b', 'a', 'a'], relevant: 2, candidates: 4 }, [10])
  near(perfect.get('normalisedMeanRank'), 0)
  near(worst.get('normalisedMeanRank'), 1)
})

/** Rows on the unit circle, by angle in degrees. */
function onCircle(rows: [id: string, label: string, group: number, degrees: number][]): LabelledEmbeddings {
  return {
    ids: rows.map(([id]) => id),
    labels: rows.map(([, label]) => label),
    groups: rows.map(([, , group]) => group),
    embeddings: Float32Array.from(
      rows.flatMap(([, , , degrees]) => [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]),
    ),
    dimension: 2,
  }
}

test('the query and its duplicate group are excluded, except for seedCompat', () => {
  const images = onCircle([
    ['q', 'a', 1, 0],
    ['copy', 'a', 1, 1],
    ['other', 'b', 2, 2],
    ['friend', 'a', 3, 3],
  ])
  const fair = evaluateRetrieval(images, images, { bootstrapSamples: 0 })
  assert.deepEqual([fair.queries, fair.queriesWithoutRelevant], [3, 1])
  // q: b, a · copy: b, a · friend: b, copy, q
  near(fair.overall['mAP@1'], 0)
  near(fair.overall.mrr, 1 / 2)
  near(fair.perClass['a']?.meanRank, (2 + 2 + 2.5) / 3)
  const seedCompat = evaluateRetrieval(images, images, { excludeOwnGroup: false, bootstrapSamples: 0 })
  near(seedCompat.overall['mAP@1'], 1)
})

test('a query is expanded by its best hits, of which its copies are none', () => {
  const query = onCircle([['q', 'a', 1, 0]])
  const gallery = onCircle([
    ['copy', 'a', 1, -1],
    ['near', 'a', 2, 3],
    ['other', 'b', 3, -4],
    ['far', 'a', 4, 6],
  ])
  near(evaluateRetrieval(query, gallery).overall['mAP@10'], (1 + 2 / 3) / 2)
  near(evaluateRetrieval(query, gallery, { expand: 1 }).overall['mAP@10'], 1)
})

test('equal scores are ordered by id', () => {
  const query = onCircle([['q', 'a', 1, 0]])
  const gallery = (first: string, second: string) =>
    onCircle([
      [first, 'b', 2, 5],
      [second, 'a', 3, 5],
      ['z', 'b', 4, -5],
    ])
  near(evaluateRetrieval(query, gallery('2', '1')).overall['mAP@1'], 1)
  near(evaluateRetrieval(query, gallery('1', '2')).overall['mAP@1'], 0)
  // +5° and −5° score the same too
  near(evaluateRetrieval(query, gallery('2', '3')).overall.meanRank, 2)
})

/** Textbook formulas over a plain sort, as slow as they are plain. */
function bruteForce(queries: LabelledEmbeddings, gallery: LabelledEmbeddings) {
  const row = (of: LabelledEmbeddings, i: number) => of.embeddings.subarray(i * of.dimension, (i + 1) * of.dimension)
  const perQuery = queries.ids.map((id, q) => {
    const ranked = gallery.ids
      .map((other, i) => ({
        other,
        i,
        score: Math.fround(row(queries, q).reduce((sum, x, d) => sum + x * row(gallery, i)[d]!, 0)),
      }))
      .filter(({ other, i }) => other !== id && gallery.groups[i] !== queries.groups[q])
      .sort((a, b) => b.score - a.score || (a.other < b.other ? -1 : 1))
    const rel = ranked.map(({ i }) => Number(gallery.labels[i] === queries.labels[q]))
    const R = rel.reduce((a, b) => a + b, 0)
    const precision = (n: number) => rel.slice(0, n).reduce((a, b) => a + b, 0) / n
    const ap = (k: number) => rel.slice(0, k).reduce((sum, r, i) => sum + r * precision(i + 1), 0) / Math.min(k, R)
    const ranks = rel.flatMap((r, i) => (r ? [i + 1] : []))
    // 1 − AUC, counted pair by pair
    const lost = ranks.reduce((sum, rank) => sum + rel.slice(0, rank).filter((r) => r === 0).length, 0)
    return [
      ap(1),
      ap(10),
      ap(50),
      ap(R),
      precision(R),
      1 / ranks[0]!,
      lost / (R * (rel.length - R)),
      Number(ranks[0]! <= 5),
    ]
  })
  return perQuery[0]!.map((_, m) => perQuery.reduce((sum, values) => sum + values[m]!, 0) / perQuery.length)
}

function randomImages(count: number, prefix: string, random: () => number): LabelledEmbeddings {
  const dimension = 7
  const embeddings = new Float32Array(count * dimension)
  for (let i = 0; i < count; i++) {
    // coarse values, so that equal scores occur
    const values = Array.from({ length: dimension }, () => Math.round((random() - 0.5) * 4) + 0.1)
    const length = Math.hypot(...values)
    embeddings.set(
      values.map((v) => v / length),
      i * dimension,
    )
  }
  const pick = (n: number) => Array.from({ length: count }, () => Math.floor(random() * n))
  return {
    ids: pick(1e9).map((n, i) => `${prefix}${n}-${i}`),
    labels: pick(4).map((n) => `class ${n}`),
    groups: pick(count),
    embeddings,
    dimension,
  }
}

test('all numbers equal the textbook formulas', () => {
  const random = seededRandom(5)
  const [queries, gallery] = [randomImages(60, 'q', random), randomImages(200, 'g', random)]
  for (const [asked, searched] of [
    [queries, gallery],
    [gallery, gallery],
  ] as const) {
    const { overall } = evaluateRetrieval(asked, searched, { bootstrapSamples: 0 })
    const found = [
      overall['mAP@1'],
      overall['mAP@10'],
      overall['mAP@50'],
      overall['mAP@R'],
      overall.rPrecision,
      overall.mrr,
      overall.normalisedMeanRank,
      overall['recall@5'],
    ]
    bruteForce(asked, searched).forEach((expected, i) => near(found[i], expected))
  }
})

test('intervals contain the mean, are seeded, and narrow with more queries', () => {
  const rankings = (count: number) =>
    Array.from(
      { length: count },
      (_, i): RankedLabels => ({
        label: 'a',
        ranked: i % 4 === 0 ? ['b', 'a'] : ['a', 'b'],
        relevant: 1,
        candidates: 2,
      }),
    )
  const few = qualityOfRankings(rankings(40), { seed: 3 })
  const [low, high] = few.intervals['mAP@1']!
  assert.ok(low < 0.75 && 0.75 < high)
  assert.deepEqual(qualityOfRankings(rankings(40), { seed: 3 }).intervals, few.intervals)
  const [lowMany, highMany] = qualityOfRankings(rankings(4000), { seed: 3 }).intervals['mAP@1']!
  assert.ok(highMany - lowMany < (high - low) / 3)
  // normal approximation: 1.96 · √(p(1−p)/n)
  assert.ok(Math.abs((highMany - lowMany) / 2 - 1.96 * Math.sqrt((0.75 * 0.25) / 4000)) < 0.002)
})

test('classes come in order, and each query that counts is told with its place among all', () => {
  const one = (label: string, relevant = 1): RankedLabels => ({ label, ranked: ['a', 'b'], relevant, candidates: 2 })
  const told: [number, string, number | null | undefined][] = []
  const { perClass, overall, intervals } = qualityOfRankings([one('b'), one('c', 0), one('a'), one('b')], {
    onJudged: (place, { label }, quality) => told.push([place, label, quality.get('firstRank')]),
  })
  assert.deepEqual(Object.keys(perClass), ['a', 'b'])
  assert.deepEqual(told, [
    [0, 'b', 2],
    [2, 'a', 1],
    [3, 'b', 2],
  ])
  assert.equal(overall.medianFirstRank, 2)
  assert.deepEqual(
    Object.keys(intervals).filter((name) => !(name in overall)),
    [],
  )
})

test('without a query that has relevant pictures there are no numbers, not zeros', () => {
  const quality = qualityOfRankings([{ label: 'a', ranked: ['b'], relevant: 0, candidates: 1 }])
  assert.equal(quality.queriesWithoutRelevant, 1)
  assert.equal(quality.overall['mAP@10'], null)
  assert.equal(quality.overall.medianFirstRank, null)
})

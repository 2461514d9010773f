import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CopyGroups } from '../../../src/analysis/findings/copy-groups.js'
import { type JudgedHit, Verdicts } from '../../../src/analysis/findings/verdicts.js'
import { imagesOf } from './images.js'

const all = { sample: 100, seed: 1 }

/** On the unit circle, ten degrees apart in this order: a is the query and ranks the others in order. */
function onCircle(...rows: string[]) {
  const angles = rows.map((_, place) => (place * 10 * Math.PI) / 180)
  return {
    ...imagesOf(rows),
    vectors: Float32Array.from(angles.flatMap((angle) => [Math.cos(angle), Math.sin(angle)])),
    dimension: 2,
  }
}
const images = () => onCircle('a -', 'b x', 'c -', 'd y', 'e y')

/** `a b right` … */
const said = (...lines: string[]): JudgedHit[] =>
  lines.map((line) => {
    const [query, hit, verdict] = line.split(' ') as [string, string, JudgedHit['verdict']]
    return { query: { id: query }, hit, verdict }
  })

test('current rankings are evaluated by the judgements, with or without labels', () => {
  const verdicts = new Verdicts(images())
  verdicts.add(said('a c right', 'a b wrong'))
  verdicts.add(said('d e right'))
  const report = verdicts.report(all)!
  assert.deepEqual([report.judgements, report.queries, report.hits], [3, 2, 3])
  // a: b c d e with b wrong and c right; d: c and e are equally near, c is first by id and unjudged
  assert.ok(Math.abs(report['ndcg@10'].mean! - (1 / Math.log2(3) + 1) / 2) < 1e-12)
  assert.deepEqual([report['precision@10'].mean, report['judged@10'].mean], [(1 / 2 + 1) / 2, (2 / 4 + 1 / 4) / 2])
})

test('the majority of judgements of a hit counts; a tie counts as no judgement', () => {
  const verdicts = new Verdicts(images())
  verdicts.add(said('a b right', 'a b wrong', 'a b wrong', 'a c right', 'a c wrong', 'a d right'))
  const report = verdicts.report(all)!
  assert.deepEqual([report.judgements, report.hits, report['precision@10'].mean], [6, 2, 1 / 2])
})

test('a query is also recognised by its bytes; other keys, strangers and copies of the query are ignored', () => {
  const rows = ['a - same', 'b - same', 'c -', 'd -']
  const verdicts = new Verdicts(onCircle(...rows))
  verdicts.add([
    { query: { contentHash: 'hash of d' }, hit: 'c', verdict: 'right' },
    { query: { contentHash: 'hash of nobody' }, hit: 'c', verdict: 'wrong' },
    { query: { key: 'a' }, hit: 'c', verdict: 'wrong' },
    ...said('a b wrong', 'a gone wrong', 'gone a wrong'),
  ])
  const report = verdicts.report(all)!
  assert.deepEqual([report.judgements, report.queries, report.hits, report['ndcg@10'].mean], [6, 1, 1, 1])
  const near = new Verdicts(onCircle('a -', 'b -', 'c -'))
  near.add(said('a b right', 'a c wrong'))
  const copies = CopyGroups.ofContent(['one', 'one', 'two'])
  assert.deepEqual([near.report(all)!.hits, near.report({ ...all, copies })!.hits], [2, 1])
})

test('at most a sample of queries is evaluated, each is reported as progress, and without judgements there is no report', () => {
  const verdicts = new Verdicts(images())
  assert.equal(verdicts.report(all), undefined)
  verdicts.add(said('a b right', 'b c right', 'c d wrong', 'd e wrong'))
  const told: number[] = []
  const report = verdicts.report({
    sample: 2,
    seed: 1,
    onSample: (queries) => void told.push(queries),
    onQuery: () => void told.push(0),
  })!
  assert.deepEqual([report.judgements, report.queries, told], [4, 2, [2, 0, 0]])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CopyGroups } from '../../../src/analysis/findings/copy-groups.js'
import { type EmbeddedImages, evaluateGallery } from '../../../src/analysis/findings/evaluation.js'
import { drawSample } from '../../../src/analysis/findings/sample.js'
import { evaluateRetrieval } from '../../../src/eval/quality.js'
import { unitVectors } from '../../engines/embedded/vector-index/unit-vectors.js'
import { imagesOf } from './images.js'

const all = { sample: 100, seed: 1 }

/** On the unit circle, by angle in degrees. */
function onCircle(rows: [row: string, degrees: number][]): EmbeddedImages {
  const angles = rows.map(([, degrees]) => (degrees * Math.PI) / 180)
  return {
    ...imagesOf(rows.map(([row]) => row)),
    vectors: Float32Array.from(angles.flatMap((angle) => [Math.cos(angle), Math.sin(angle)])),
    dimension: 2,
  }
}

test('each picture queries all others; one without a label is neither query nor hit', () => {
  const report = evaluateGallery(
    onCircle([
      ['a x', 0],
      ['b -', 1],
      ['c y', 2],
      ['d x', 4],
      ['e y', 9],
      ['f -', 3],
    ]),
    all,
  )
  assert.deepEqual(
    [report.pictures, report.labelled, report.sampled, report.queries, report.queriesWithoutRelevant],
    [6, 4, 4, 4, 0],
  )
  // a: c d e → d is 2nd · c: a/d tie by id, then e → 3rd · d: c a e → a is 2nd · e: d c a → c is 2nd
  assert.equal(report.overall['mAP@1'], 0)
  assert.ok(Math.abs(report.overall['mrr']! - (1 / 2 + 1 / 3 + 1 / 2 + 1 / 2) / 4) < 1e-9)
  assert.ok(Math.abs(report.overall['meanRank']! - (2 + 3 + 2 + 2) / 4) < 1e-9)
  assert.equal(report.overall['recall@5'], 1)
  assert.deepEqual(
    report.perLabel.map(({ label, queries }) => [label, queries]),
    [
      ['x', 2],
      ['y', 2],
    ],
  )
  assert.deepEqual(report.intervals['mAP@1'], [0, 0])
  assert.deepEqual(
    report.worst!.map(({ id, firstRank, votedLabel }) => [id, firstRank, votedLabel]),
    [
      ['c', 3, 'x'],
      ['a', 2, 'y'],
      ['d', 2, 'y'],
      ['e', 2, 'x'],
    ],
  )
  assert.ok(Math.abs(report.worst![0]!['mAP@10'] - 1 / 3) < 1e-9)
  assert.deepEqual(report.confusions, [
    { label: 'x', votedLabel: 'y', queries: 2 },
    { label: 'y', votedLabel: 'x', queries: 2 },
  ])
})

test('equal files never count as hits of each other, nor do near-copies if they are given', () => {
  const images = () =>
    onCircle([
      ['a x same', 0],
      ['b x same', 0],
      ['c y', 20],
      ['d x', 40],
      ['e x', 41],
    ])
  const byContent = evaluateGallery(images(), all)
  // a, b: c d e · c is the only one with its label · d: e c a b → 1, then 3 and 4 · e: d c a b
  assert.deepEqual([byContent.queries, byContent.queriesWithoutRelevant], [4, 1])
  assert.equal(byContent.overall['mAP@1'], 1 / 2)
  const copies = CopyGroups.ofContent(images().contentHashes)
  copies.join(3, 4, 0.9)
  const told = evaluateGallery(images(), { ...all, copies, duplicateScore: 0.4 })
  assert.equal(told.overall['mAP@1'], 0, 'd and e are copies by now')
  assert.equal(told.duplicateScore, 0.4)
})

test('it equals the definition in eval/, on a seeded sample', () => {
  const dimension = 16
  const vectors = Array.from({ length: 120 }, unitVectors({ dimension, seed: 3, clusters: 4 }))
  const embeddings = Float32Array.from(vectors.flatMap((vector) => [...vector]))
  const rows = vectors.map((_, i) => `p${String(i).padStart(3, '0')} l${i % 4}`)
  const images = imagesOf(rows)
  const gallery = {
    ids: images.ids,
    labels: images.labels as string[],
    groups: images.contentHashes,
    embeddings,
    dimension,
  }
  const { overall } = evaluateRetrieval(gallery, gallery)
  assert.deepEqual(evaluateGallery({ ...images, vectors: embeddings, dimension }, { sample: 120, seed: 1 }).overall, {
    ...overall,
  })

  const some = evaluateGallery({ ...images, vectors: embeddings, dimension }, { sample: 30, seed: 5 })
  const again = evaluateGallery({ ...images, vectors: embeddings, dimension }, { sample: 30, seed: 5 })
  const other = evaluateGallery({ ...images, vectors: embeddings, dimension }, { sample: 30, seed: 6 })
  assert.equal(some.sampled, 30)
  assert.deepEqual(some, again)
  assert.notDeepEqual(some.overall, other.overall)
})

test('a gallery without labels reports that it has no quality numbers', () => {
  const report = evaluateGallery(
    onCircle([
      ['a -', 0],
      ['b -', 5],
    ]),
    all,
  )
  assert.deepEqual([report.labelled, report.queries, report.overall['mAP@10'], report.perLabel], [0, 0, null, []])
})

test('throwing between two queries ends the evaluation', () => {
  let left = 2
  const stop = () => {
    if (--left === 0) throw new Error('stop')
  }
  assert.throws(
    () =>
      evaluateGallery(
        onCircle([
          ['a x', 0],
          ['b x', 1],
          ['c x', 2],
        ]),
        { ...all, onQuery: stop },
      ),
    /stop/,
  )
})

test('a sample is drawn uniformly without replacement', () => {
  assert.deepEqual([...drawSample(3, 9, 1)], [0, 1, 2])
  const times = new Uint32Array(20)
  for (let seed = 0; seed < 2_000; seed++) {
    const drawn = drawSample(20, 5, seed)
    assert.equal(new Set(drawn).size, 5)
    assert.deepEqual(
      [...drawn],
      [...drawn].sort((a, b) => a - b),
    )
    for (const position of drawn) times[position]!++
  }
  // 500 expected, standard deviation 19
  for (const count of times) assert.ok(count > 400 && count < 600, `${count}`)
})

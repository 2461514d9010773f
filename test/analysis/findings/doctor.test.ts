import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CopyGroups } from '../../../src/analysis/findings/copy-groups.js'
import { examine } from '../../../src/analysis/findings/doctor.js'
import { findHubs } from '../../../src/analysis/findings/hubs.js'
import { findLabelConflicts } from '../../../src/analysis/findings/label-conflicts.js'
import { findLabelDoubts } from '../../../src/analysis/findings/label-doubts.js'
import { NeighbourLists } from '../../../src/analysis/findings/neighbour-lists.js'
import { findOutliers } from '../../../src/analysis/findings/outliers.js'
import { imagesOf, listsOf } from './images.js'

const close = (found: number, expected: number) =>
  assert.ok(Math.abs(found - expected) < 1e-6, `${found} is not ${expected}`)

test('copies with different labels conflict; a copy without a label conflicts with none', () => {
  const pictures = imagesOf(['a x 1', 'b y 1', 'c x 2', 'd - 2', 'e x 3', 'f x 3', 'g z'])
  const groups = CopyGroups.ofContent(pictures.contentHashes)
  groups.join(6, 1, 0.99)
  const { count, groups: found } = findLabelConflicts(pictures, groups, 10)
  assert.equal(count, 1)
  assert.deepEqual(
    found.map(({ labels, images }) => [labels, images.map(({ id }) => id)]),
    [
      [
        ['x', 'y', 'z'],
        ['a', 'b', 'g'],
      ],
    ],
  )
  assert.deepEqual(findLabelConflicts(pictures, groups, 0), { count: 1, dismissed: 0, groups: [] })
})

/** Two clusters of seven, x0…x6 and y0…y6; each picture's list is its own cluster. */
function twoClusters(labelOf: (id: string) => string) {
  const ids = ['x', 'y'].flatMap((cluster) => Array.from({ length: 7 }, (_, i) => `${cluster}${i}`))
  const pictures = imagesOf(ids.map((id) => `${id} ${labelOf(id)}`))
  const lists = listsOf(
    pictures,
    6,
    Object.fromEntries(
      ids.map((id) => [
        id,
        ids
          .filter((other) => other[0] === id[0] && other !== id)
          .map((other, i) => [other, 0.9 - i / 100] as [string, number]),
      ]),
    ),
  )
  return { pictures, lists }
}

test('a picture whose neighbours all have another label is doubted, with the nearest of them as witnesses', () => {
  const { pictures, lists } = twoClusters((id) => (id === 'x3' ? 'y' : id[0]!))
  const { judged, count, images } = findLabelDoubts(pictures, lists, { k: 6, limit: 10 })
  assert.deepEqual([judged, count], [14, 1])
  const [doubt] = images
  assert.deepEqual(
    [doubt?.id, doubt?.label, doubt?.likelyLabel, doubt?.margin, doubt?.ownShare],
    ['x3', 'y', 'x', 1, 0],
  )
  close(doubt!.likelyShare, 1)
  assert.deepEqual(
    doubt!.witnesses.map(({ id }) => id),
    ['x0', 'x1', 'x2'],
  )
})

test('right labels raise no doubt, and neither does a close vote', () => {
  const right = twoClusters((id) => id[0]!)
  assert.equal(findLabelDoubts(right.pictures, right.lists, { k: 6, limit: 10 }).count, 0)
  // labels alternate within both clusters: every vote is 3 : 3 or 4 : 2
  const mixed = twoClusters((id) => (Number(id[1]) % 2 === 0 ? 'even' : 'odd'))
  assert.equal(findLabelDoubts(mixed.pictures, mixed.lists, { k: 6, limit: 10 }).count, 0)
})

test('pictures with rare labels and those without a label are not assessed', () => {
  // at least five others with its label are needed for a fair assessment; two have none
  const { pictures, lists } = twoClusters((id) => (id === 'x0' || id === 'x1' ? 'rare' : id === 'y0' ? '-' : id[0]!))
  const { judged, count } = findLabelDoubts(pictures, lists, { k: 6, limit: 10 })
  // x2…x6 are five with their label, so each has only four others
  assert.deepEqual([judged, count], [6, 0])
})

test('hubs occur in more lists than the mean plus two deviations; skewness matches a manual calculation', () => {
  // nine pictures; everyone's nearest is a, and a's is b
  const pictures = imagesOf(['a x', 'b x', ...['c', 'd', 'e', 'f', 'g', 'h', 'i'].map((id) => `${id} y`)])
  const lists = listsOf(
    pictures,
    2,
    Object.fromEntries(
      pictures.ids.map((id) => [
        id,
        [
          [id === 'a' ? 'b' : 'a', 0.9],
          ['i', 0.1],
        ] as [string, number][],
      ]),
    ),
  )
  const report = findHubs(pictures, lists, 1, 10)
  // N = 8, 1, 0 × 7: mean 1, variance (49 + 0 + 7)/9, third moment (343 + 0 − 7)/9
  close(report.meanOccurrences, 1)
  close(report.skewness, 336 / 9 / Math.sqrt(56 / 9) ** 3)
  assert.deepEqual([report.count, report.neverFound, report.k], [1, 7, 1])
  assert.deepEqual(report.images, [{ id: 'a', label: 'x', occurrences: 8, otherLabelShare: 7 / 8 }])
})

test('evenly distributed neighbours have no hubs', () => {
  const pictures = imagesOf(['a x', 'b x', 'c x'])
  const lists = listsOf(pictures, 1, { a: [['b', 0.5]], b: [['c', 0.5]], c: [['a', 0.5]] })
  assert.deepEqual(findHubs(pictures, lists, 1, 10), {
    k: 1,
    skewness: 0,
    meanOccurrences: 1,
    count: 0,
    neverFound: 0,
    images: [],
  })
  assert.equal(findHubs(imagesOf([]), new NeighbourLists(0, 1), 1, 10).meanOccurrences, 0)
})

test('outliers lie below the lower fence of the best scores, most isolated first', () => {
  const scores = { a: 0.75, b: 0.75, c: 0.8125, d: 0.875, e: 0.875, f: 0.25, g: 0.125, h: 0.75, i: 0.875 }
  const pictures = imagesOf([...Object.keys(scores).map((id) => `${id} x`), 'j x'])
  const lists = listsOf(
    pictures,
    1,
    Object.fromEntries(
      Object.entries(scores).map(([id, score]) => [id, [[id === 'a' ? 'b' : 'a', score]] as [string, number][]]),
    ),
  )
  const report = findOutliers(pictures, lists, 10)
  // sorted: .125 .25 .75 .75 .75 .8125 .875 .875 .875 → Q1 = .75, Q3 = .875, fence .75 − 1.5 · .125; j, without
  // neighbours, is not assessed
  assert.deepEqual([report.medianScore, report.belowScore, report.count], [0.75, 0.5625, 2])
  assert.deepEqual(
    report.images.map(({ id, score, nearestId }) => [id, score, nearestId]),
    [
      ['g', 0.125, 'a'],
      ['f', 0.25, 'a'],
    ],
  )
  assert.deepEqual(findOutliers(imagesOf(['a x']), new NeighbourLists(1, 1), 10), {
    medianScore: null,
    belowScore: null,
    count: 0,
    images: [],
  })
})

test('copies neither vote nor count as neighbours', () => {
  // x3 is mislabelled and has two copies that share its wrong label
  const base = twoClusters((id) => (['x3', 'x4', 'x5'].includes(id) ? 'y' : id[0]!))
  const groups = CopyGroups.ofContent(base.pictures.contentHashes)
  groups.join(3, 4, 0.99)
  groups.join(3, 5, 0.99)
  // lists of 6 hold the cluster; without copies four x remain, too few to assess: with k = 4 fewer than five vote, so
  // nobody is assessed
  const report = examine(base.pictures, base.lists, groups, { k: 6, duplicateScore: 0.98, limit: 10 })
  assert.deepEqual(report.conflicts.count, 0)
  assert.equal(report.hubs.images.length, 0)
  assert.deepEqual([report.doubts.judged, report.doubts.count], [7, 0])
  assert.equal(report.outliers.medianScore, Math.fround(0.9))
})

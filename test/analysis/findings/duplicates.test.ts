import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CopyGroups } from '../../../src/analysis/findings/copy-groups.js'
import { reportDuplicates } from '../../../src/analysis/findings/duplicates.js'
import { imagesOf } from './images.js'

const options = { duplicateScore: 0.9, notCompared: 0, limit: 10 }

test('equal files and near-copies form one group, through any chain of them', () => {
  const pictures = imagesOf(['a x same', 'b x', 'c y same', 'd x', 'e x', 'f x'])
  const groups = CopyGroups.ofContent(pictures.contentHashes)
  groups.join(3, 2, 0.9375)
  groups.join(5, 4, 0.96875)
  const report = reportDuplicates(pictures, groups, options)
  assert.deepEqual([report.count, report.copies, report.pictures], [2, 3, 6])
  assert.deepEqual(
    report.groups.map(({ size, identical, images }) => [
      size,
      identical,
      images.map(({ id, nearCopyScore }) => `${id} ${nearCopyScore}`),
    ]),
    [
      [3, false, ['a 1', 'c 1', 'd 0.9375']],
      [2, false, ['e 0.96875', 'f 0.96875']],
    ],
  )
})

test('groups do not depend on the order in which copies are processed', () => {
  const pairs: [number, number, number][] = [
    [0, 7, 0.95],
    [7, 3, 0.9],
    [2, 5, 0.99],
    [5, 6, 0.92],
    [3, 2, 0.91],
    [9, 8, 0.9],
  ]
  const pictures = imagesOf(Array.from({ length: 10 }, (_, i) => `p${i} x`))
  const reports = [pairs, pairs.toReversed(), pairs.map(([a, b, score]) => [b, a, score] as const)].map((order) => {
    const groups = CopyGroups.ofContent(pictures.contentHashes)
    for (const [a, b, score] of order) groups.join(a, b, score)
    return reportDuplicates(pictures, groups, options)
  })
  assert.deepEqual(
    reports[0]!.groups.map(({ images }) => images.map(({ id }) => id).join('')),
    ['p0p2p3p5p6p7', 'p8p9'],
  )
  assert.deepEqual(reports[1], reports[0])
  assert.deepEqual(reports[2], reports[0])
})

test('the report is bounded, its counts are not', () => {
  const pictures = imagesOf(
    Array.from({ length: 130 }, (_, i) => `p${String(i).padStart(3, '0')} x ${i < 120 ? 'one' : `pair ${i >> 1}`}`),
  )
  const report = reportDuplicates(pictures, CopyGroups.ofContent(pictures.contentHashes), { ...options, limit: 2 })
  assert.deepEqual([report.count, report.copies, report.groups.length], [1 + 1, 119 + 9, 2])
  const [largest] = report.groups
  assert.deepEqual([largest?.size, largest?.identical, largest?.images.length], [120, true, 50])
})

/** How the console presents an evaluation and an explanation. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heatPixels } from '../../src/console/match/heat-colours.js'
import { roomForNames, shortened } from '../../src/console/plots/axis-names.js'
import { plotSummary } from '../../src/console/plots/plot-summary.js'
import { confusionSquare } from '../../src/console/quality/confusion.js'
import { settledBy, urlBatches } from '../../src/console/quality/settled.js'

test('a confusion matrix holds the most confused labels, with the correct ones on its diagonal', () => {
  const confusions = [
    { label: 'a', votedLabel: 'c', queries: 4 },
    { label: 'c', votedLabel: 'a', queries: 1 },
    { label: 'b', votedLabel: 'a', queries: 2 },
  ]
  const qualities = ['a', 'b', 'c'].map((label) => ({ label, queries: 10, right: 6 }))
  const { labels, counts, shares } = confusionSquare(confusions, qualities, 2)
  assert.deepEqual(labels, ['a', 'c'])
  assert.deepEqual(counts, [
    [6, 4],
    [1, 6],
  ])
  assert.deepEqual(shares[0], [0.6, 0.4])
  assert.deepEqual(confusionSquare([], qualities, 16), { labels: [], counts: [], shares: [] })
})

test('labels that look alike as keys are distinguished', () => {
  const confusions = [
    { label: 'a", "b', votedLabel: 'c', queries: 1 },
    { label: 'a', votedLabel: 'b", "c', queries: 5 },
  ]
  const { labels, counts } = confusionSquare(confusions, [], 9)
  assert.equal(counts[labels.indexOf('a", "b')]![labels.indexOf('c')], 1)
  assert.equal(counts[labels.indexOf('a')]![labels.indexOf('b", "c')], 5)
})

test('the strongest place of a map is the most opaque, and negative contributions are blue', () => {
  const pixels = heatPixels([
    [0, 1],
    [-0.5, 0.1],
  ])
  const place = (at: number) => [...pixels.subarray(4 * at, 4 * at + 4)]
  assert.equal(pixels.length, 16)
  assert.equal(place(0)[3], 0)
  assert.equal(place(1)[3], 230)
  const [red, , blue] = place(2)
  assert.ok(blue! > red!)
  assert.ok(place(3)[3]! < place(2)[3]!)
  assert.ok(place(2)[3]! < 0.4 * 255, 'the picture is seen through all but the strongest')
  assert.equal(heatPixels([[0, 0]])[3], 0)
})

test('a plot of names tells each of its values, one of numbers the last', () => {
  const series = [
    { label: 'mAP@10', values: [0.5, null], as: 'bars' as const },
    { label: 'recall@1', values: [0.25, 1], as: 'points' as const },
  ]
  assert.equal(
    plotSummary({ title: 'By label', series, axis: { kind: 'names', names: ['a', 'b'] } }),
    'By label: mAP@10 a 0.500, b unknown; recall@1 a 0.250, b 1.00',
  )
  assert.equal(plotSummary({ title: 'T', series, axis: { kind: 'time' } }), 'T: mAP@10 unknown; recall@1 1.00')
  const measured = { label: 'value', values: [0.5, 1], intervals: [[0.4, 0.6] as const, null], as: 'bars' as const }
  assert.equal(
    plotSummary({ title: 'T', series: [measured], axis: { kind: 'names', names: ['a', 'b'] } }),
    'T: value a 0.500 (0.400 to 0.600), b 1.00',
  )
})

test('labels are decided picture by picture, a group of copies by one decision about all of it', () => {
  const isSettled = settledBy([
    { kind: 'label', ids: ['a'] },
    { kind: 'label', ids: ['b', 'x'] },
    { kind: 'copies', ids: ['c', 'd', 'e'] },
    { kind: 'copies', ids: ['f', 'c'] },
  ])
  assert.ok(isSettled({ kind: 'label', ids: ['a', 'b'] }))
  assert.ok(!isSettled({ kind: 'label', ids: ['a', 'c'] }))
  assert.ok(isSettled({ kind: 'copies', ids: ['e', 'c'] }))
  assert.ok(!isSettled({ kind: 'copies', ids: ['d', 'f'] }))
  assert.ok(!isSettled({ kind: 'copies', ids: ['a', 'b'] }))
})

test('ids are asked about in groups that fit into a URL', () => {
  const many = Array.from({ length: 250 }, (_, i) => String(i))
  assert.deepEqual(
    urlBatches(many).map(({ length }) => length),
    [100, 100, 50],
  )
  const long = ['x', 'ä', '漢'.repeat(512), '𠀀'.repeat(512), 'y'].map((text, i) => text + i)
  const batches = urlBatches(long)
  assert.deepEqual(batches.flat(), long)
  for (const batch of batches) assert.ok(encodeURIComponent(batch.join('')).length < 6_200)
  assert.deepEqual(urlBatches([]), [])
})

test('names of bars have room beside their plot, long ones shortened', () => {
  assert.equal(shortened('listening_to_music'), 'listening_to_…')
  assert.ok(roomForNames(['calling', 'using_laptop']) >= 12 * 7 * Math.SQRT1_2)
  assert.equal(roomForNames(['x'.repeat(100)]), roomForNames(['x'.repeat(14)]))
})

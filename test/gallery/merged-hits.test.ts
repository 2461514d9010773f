import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HitRecord } from '../../src/gallery/hit-record.js'
import { bestFirst, type UnrankedHit } from '../../src/gallery/hits.js'
import { MergedHits } from '../../src/gallery/merged-hits.js'
import { seededRandom } from '../engines/embedded/vector-index/unit-vectors.js'

function hit(id: string, score: number, more: Partial<UnrankedHit> = {}): UnrankedHit {
  return {
    score,
    record: new HitRecord({ id, label: null, contentHash: id, modelId: 'm', thumbnailBytes: 0 }),
    ...more,
  }
}
const idsOf = (hits: readonly UnrankedHit[]) => hits.map(({ record }) => record.id).join('')
const firstOf = (lists: readonly UnrankedHit[][], count: number) => lists.map((list) => list.slice(0, count))

test('sorted lists give what sorting all of them gives, however they are read', () => {
  const random = seededRandom(5)
  const names = Array.from({ length: 90 }, (_, i) => String.fromCodePoint(0x4e00 + i))
  const lists = [0, 1, 2].map((n) =>
    names
      .slice(n * 30, n * 30 + 30)
      .map((id) => hit(id, Math.round(random() * 8)))
      .sort(bestFirst),
  )
  const expected = idsOf(lists.flat().sort(bestFirst))
  for (const counts of [[90], [1, 2, 3, 50, 200], [10, 5, 90]]) {
    const merged = new MergedHits()
    for (const count of counts)
      assert.equal(idsOf(merged.first(count, firstOf(lists, count))), expected.slice(0, count))
  }
})

test('a better hit that a list adds later moves none of those before it', () => {
  const lists = [
    [hit('a', 9), hit('b', 5), hit('c', 8)],
    [hit('d', 7), hit('e', 3), hit('f', 4)],
  ]
  for (const counts of [[6], [3, 6], [1, 2, 3, 4, 5, 6]]) {
    const merged = new MergedHits()
    for (const count of counts)
      assert.equal(idsOf(merged.first(count, firstOf(lists, count))), 'adbcef'.slice(0, count))
  }
})

test('a picture counts once, as in the first list where it scores equally; in another gallery it is another', () => {
  const lists = [
    [hit('a', 9, { boost: 1 }), hit('b', 2, { boost: 1 })],
    [hit('a', 9, { boost: 0 }), hit('c', 4), hit('b', 1)],
    [hit('a', 9, { gallery: 'other' })],
  ]
  const merged = new MergedHits().first(9, lists)
  assert.equal(idsOf(merged), 'aacb')
  assert.deepEqual(
    merged.map(({ boost, gallery }) => boost ?? gallery),
    [1, 'other', undefined, 1],
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NearestHits } from '../../src/gallery/engine.js'
import { Ranking, type SearchedSet } from '../../src/gallery/gallery-ranking.js'

test('nothing more is searched for a caller who left while the expanding hits were read', async () => {
  const controller = new AbortController()
  let searches = 0
  const nearest = async () => {
    searches++
    return { first: async () => [] } as unknown as NearestHits
  }
  const vectors = async () => {
    controller.abort(new Error('left'))
    return []
  }
  const set = { nearest, vectors } as unknown as SearchedSet
  const terms = { vector: Float32Array.of(1, 0), expand: 5, signal: controller.signal }
  await assert.rejects(Ranking.open(set, terms), /left/)
  assert.equal(searches, 1)
})

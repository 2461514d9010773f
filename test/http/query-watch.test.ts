import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HitRecord } from '../../src/gallery/hit-record.js'
import { type QueryWatch, type WatchedSearch, watchAnswer } from '../../src/http/query-watch.js'
import type { Answer } from '../../src/retrieval.js'

const record = new HitRecord({ id: 'a', label: 'cat', contentHash: 'c', modelId: 'm', thumbnailBytes: 0 })
const answer: Answer = {
  gallery: 'g',
  modelId: 'm',
  method: 'exact',
  vector: Float32Array.of(1, 0),
  isExpanded: false,
  hits: [{ rank: 1, score: 0.75, record }],
  compared: 1,
  durations: { decodeMs: 0, queueMs: 0, embedMs: 0, searchMs: 0, totalMs: 0 },
}
const images = [Buffer.from('a picture')]

/** Which observers were told of an answered search. */
function toldOf(given: WatchedSearch['given'], gallery: WatchedSearch['gallery'] = 'g'): string[] {
  const told: string[] = []
  const watch = {
    drift: { observe: () => told.push('drift') },
    recall: { offer: () => told.push('recall') },
    shadow: { offer: () => told.push('shadow') },
    queries: { offer: async () => told.push('queries') },
  } as unknown as QueryWatch
  watchAnswer(answer, { gallery, images, given }, watch)
  return told
}

test('the best hit tells of drift only if every picture of the gallery could have been it', () => {
  assert.deepEqual(toldOf({}).sort(), ['drift', 'queries', 'shadow'])
  for (const given of [
    { label: ['cat'] },
    { filter: '{"field":"label","exists":true}' },
    { unlike: ['b'] },
    { nearCopies: 'only' as const },
    { expand: 5 },
    { minScore: 0.5 },
    { minPSame: 0.5 },
    { excludeIds: ['b'] },
  ])
    assert.ok(!toldOf(given).includes('drift'), JSON.stringify(given))
})

test('hits are compared with those of another model only if it can leave out the same', () => {
  assert.ok(toldOf({ label: ['cat'] }).includes('shadow'))
  for (const given of [{ hideDuplicates: true }, { duplicateScore: 0.5 }, { minPSame: 0.5 }, { minScore: 0.5 }])
    assert.ok(!toldOf(given).includes('shadow'), JSON.stringify(given))
  for (const given of [{ expand: 5 }, { diversity: 0.5 }, { nearCopies: 'only' as const }])
    assert.ok(!toldOf(given).includes('shadow'), JSON.stringify(given))
})

test('a whole picture that is searched with alone is kept, however its hits are chosen', () => {
  for (const given of [{ expand: 5 }, { minScore: 0.5 }, { diversity: 0.5 }, { nearCopies: 'only' as const }])
    assert.ok(toldOf(given).includes('queries'), JSON.stringify(given))
  const boosts = [{ filter: { field: 'label', in: ['cat'] }, by: 0.1 }]
  assert.deepEqual(toldOf({ boosts } as WatchedSearch['given']), ['queries'])
  assert.deepEqual(toldOf({}, ['g', 'h']), [], 'of several galleries none keeps it')
  for (const given of [{ unlike: ['b'] }, { like: ['b'] }, { imageId: 'b' }, { region: '0,0,0.5,0.5' }])
    assert.ok(!toldOf(given).includes('queries'), JSON.stringify(given))
})

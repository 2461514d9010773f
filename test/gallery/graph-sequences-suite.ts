/**
 * Random sequences in a gallery that is large enough for a graph, while many images are deleted and replaced. A graph may
 * miss hits, so the share that is found has a lower bound; everything else is compared with plain loops.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { Filter } from '../../src/gallery/filter.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { ComparedGalleries, type Step, step } from './sequences/compared-galleries.js'
import { maybe } from './sequences/drawn-values.js'
import { killDuring, reopen } from './sequences/gallery-steps.js'
import { type Picture, scoreOf } from './sequences/pictures.js'
import { matches } from './sequences/plain-filter.js'
import type { PlainGallery } from './sequences/plain-gallery.js'
import { compareStored } from './sequences/reading-steps.js'
import { ReopenedGalleries } from './sequences/reopened-galleries.js'
import { askedRuns, runSequences, type SequenceRuns } from './sequences/sequence-runs.js'
import { model, newImage, putImages, removeImages } from './stored-images.js'
import type { TestedEngine } from './tested-engine.js'

const name = 'a'
const idsCount = 600
const makeVector = unitVectors({ dimension: model.dimension, seed: 81 })
/** Fewer than ids, so that many images have the same vector. */
const pictures = Array.from(
  { length: 450 },
  (_, i): Picture => ({ contentHash: String(i).padStart(64, '0'), vector: makeVector(), copyDescriptor: undefined }),
)
const queries = [...Array.from({ length: 20 }, makeVector), ...pictures.slice(0, 20).map(({ vector }) => vector)]
const recallMin = 0.9
const rounding = 1e-5

/** Of the hits that a graph should have found. */
interface Recall {
  found: number
  wanted: number
}

const idOf = (i: number) => `p${i % idsCount}`
const labelOf = (i: number) => (i % 5 === 0 ? null : i % 2 === 0 ? 'even' : 'odd')

async function put(at: ComparedGalleries, from: number, count: number, shift: number): Promise<void> {
  const images = Array.from({ length: count }, (_, i) => ({
    ...{ id: idOf(from + i), label: labelOf(from + i), metadata: { n: (from + i) % 40 } },
    picture: pictures[(from + i + shift) % pictures.length]!,
  }))
  const stored = images.map(({ id, picture, ...said }) => newImage(id, picture.vector, { ...picture, ...said }))
  const results = await putImages(at.galleries.images, name, stored)
  assert.deepEqual(
    results,
    images.map((image) => at.plain.get(name)!.put(image)),
  )
}

const block = { from: fc.nat(idsCount - 1), count: fc.integer({ min: 1, max: 150 }) }

/** Stored again, most of them with other content. */
const replace = step('put', fc.record({ ...block, shift: fc.nat(pictures.length) }), (at, { from, count, shift }) =>
  put(at, from, count, shift),
)

const remove = step('remove', fc.record(block), async (at, { from, count }) => {
  const ids = Array.from({ length: count }, (_, i) => idOf(from + i))
  const removed = await removeImages(at.galleries.images, name, ids)
  assert.deepEqual(
    removed,
    ids.filter((id) => at.plain.get(name)!.remove(id)),
  )
})

const filter: fc.Arbitrary<Filter> = fc.oneof(
  fc.constantFrom<Filter>({ field: 'label', in: ['odd'] }, { field: 'label', in: [null, 'even'] }),
  fc.integer({ min: 1, max: 40 }).map((lt): Filter => ({ field: 'metadata.n', range: { lt } })),
  fc.nat(39).map((n): Filter => ({ not: { field: 'metadata.n', in: [n] } })),
)

const removeFitting = step('remove fitting', fc.nat(39), async (at, n) => {
  const [plain, filter]: [PlainGallery, Filter] = [at.plain.get(name)!, { field: 'metadata.n', in: [n] }]
  const fitting = plain.ids((image) => matches(image, filter))
  assert.equal(await at.galleries.images.removeFitting(name, filter), fitting.length)
  for (const id of fitting) plain.remove(id)
})

const asked = fc.record({
  query: fc.nat(queries.length - 1),
  k: fc.integer({ min: 1, max: 20 }),
  pages: fc.integer({ min: 1, max: 4 }),
  ef: fc.constantFrom(undefined, 16, 24, 60),
  filter: maybe(filter),
  minScore: fc.constantFrom(undefined, undefined, 0.3),
})

/** Pages by offset, which together are one list. */
function search(recall: Recall): fc.Arbitrary<Step> {
  return step('search', asked, async (at, { query, k, pages, ...terms }) => {
    const vector = queries[query]!
    const { filter, minScore = -1 } = terms
    const mayBeHit = [...at.plain.get(name)!.images].filter(
      ([, image]) =>
        (filter === undefined || matches(image, filter)) &&
        scoreOf(vector, image.picture.vector) >= minScore - rounding,
    )
    const scores = new Map(mayBeHit.map(([id, { picture }]) => [id, scoreOf(vector, picture.vector)]))
    const found: string[] = []
    for (let page = 0; page < pages; page++) {
      const answer = await at.galleries.searches.search(name, { vector, k, offset: page * k, ...terms })
      const hits = answer.hits.map(({ score, record }) => ({ score, id: record.id }))
      for (const { score, id } of hits) assert.ok(Math.abs(score - (scores.get(id) ?? Infinity)) < rounding, id)
      assert.deepEqual(
        hits,
        hits.toSorted((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1)),
      )
      found.push(...hits.map(({ id }) => id))
      if (page === 0) count(hits, answer.method)
    }
    assert.equal(new Set(found).size, found.length, 'a hit is repeated')
    assert.ok(found.length <= scores.size)
    if (minScore === -1) assert.equal(found.length, Math.min(scores.size, pages * k))

    function count(hits: { score: number }[], method: 'exact' | 'hnsw'): void {
      const best = [...scores.values()].sort((a, b) => b - a).slice(0, k)
      const last = best.at(-1) ?? 1
      const near = hits.filter(({ score }) => score >= last - rounding).length
      if (method === 'exact') assert.ok(near >= best.filter((score) => score >= minScore + rounding).length)
      else {
        recall.found += near
        recall.wanted += best.length
      }
    }
  })
}

/** @param usualSequences unless `SEQUENCES` says otherwise */
export function graphSequencesSuite(engine: TestedEngine, usualSequences: number): void {
  const runs = askedRuns(usualSequences)
  test(`the graph finds what it should in ${runs.sequences} random sequences of deletions and replacements`, async (t) => {
    await runGraphSequences(t, engine, runs)
  })
}

/** @returns number of sequences without a difference */
export async function runGraphSequences(t: TestContext, engine: TestedEngine, runs: SequenceRuns): Promise<number> {
  const place = await engine.newPlace(t)
  const galleries = await engine.open(t, place, { poorIndex: engine.name !== 'embedded' })
  const compared = new ComparedGalleries(galleries, new ReopenedGalleries(t, engine, place), engine)
  const recall = { found: 0, wanted: 0 }
  const fill = step('fill', fc.nat(100), async (at, shift) => {
    for (let from = 0; from < 500; from += 250) await put(at, from, 250, shift)
  })
  const settle = step('settle', fc.constant({}), (at) => engine.settled(at.galleries))
  const writes = fc.oneof(replace, replace, remove, removeFitting)
  const steps = fc.oneof(
    { weight: 4, arbitrary: writes },
    { weight: 8, arbitrary: search(recall) },
    { weight: 2, arbitrary: settle },
    reopen,
    ...(engine.placeAfterKill === undefined ? [] : [killDuring(writes, compareStored)]),
  )
  const count = await runSequences(compared, { first: fill, step: steps, compareEnd: compareStored }, runs)
  assert.ok(recall.wanted > 0, 'a scan would prove nothing')
  t.diagnostic(`recall ${recall.found / recall.wanted} of ${recall.wanted}`)
  assert.ok(recall.found >= recallMin * recall.wanted, `recall of ${recall.found / recall.wanted}`)
  return count
}

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { nearCopyScore, wordsOf } from '../../src/copies/near-copy-score.js'
import type { Galleries } from '../../src/gallery/galleries.js'
import type { GallerySearch } from '../../src/gallery/gallery-search.js'
import { chooseDiverse } from '../../src/ranking/marginal-relevance.js'
import { seededRandom, unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { changedDescriptor, randomDescriptor } from '../support/copy-descriptors.js'
import { copyDescriptorOf, embeddingOf, model, newImage, putImages, removeImages } from './stored-images.js'
import type { TestedEngine } from './tested-engine.js'

const makeVector = unitVectors({ dimension: model.dimension, seed: 31 })
const vectors = Array.from({ length: 400 }, makeVector)
const queries = Array.from({ length: 8 }, makeVector)
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
const idOf = (i: number) => `p${String(i).padStart(4, '0')}`

const signs = seededRandom(32)
const descriptors = vectors.map(() => randomDescriptor(signs))

/** The same picture, re-encoded: a score of about 0.999 against it. */
function nearCopy(vector: Float32Array, seed: number): Float32Array {
  const random = seededRandom(seed)
  const moved = vector.map((value) => value + (random() - 0.5) * 0.02)
  const length = Math.hypot(...moved)
  return moved.map((value) => value / length)
}

export function shapesSuite(engine: TestedEngine): void {
  /** 400 pictures with labels of very different sizes; every tenth has three versions. */
  async function filled(t: TestContext): Promise<Galleries> {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    const label = (i: number) => (i % 40 === 7 ? 'rare' : i % 10 === 5 ? null : i % 2 === 0 ? 'even' : 'odd')
    const metadata = (i: number) => ({
      product: Math.floor(i / 3),
      tags: i % 2 === 0 ? ['x', `t${i % 7}`] : 'x',
      place: { city: `c${i % 90}` },
    })
    await putImages(
      galleries.images,
      'a',
      vectors.map((vector, i) =>
        newImage(idOf(i), vector, { label: label(i), metadata: metadata(i), copyDescriptor: descriptors[i] }),
      ),
    )
    const copies = vectors.flatMap((vector, i) =>
      i % 10 === 0
        ? [1, 2].map((copy) =>
            newImage(`${idOf(i)}-copy${copy}`, nearCopy(vector, 2 * i + copy), {
              label: 'odd',
              copyDescriptor: changedDescriptor(descriptors[i]!, 0.1, signs),
            }),
          )
        : [],
    )
    await putImages(galleries.images, 'a', copies)
    await engine.settled(galleries)
    return galleries
  }

  const ids = (hits: { record: { id: string } }[]) => hits.map(({ record }) => record.id)

  test('groups are those of the whole list, in its order, each with its best hits', async (t) => {
    const galleries = await filled(t)
    for (const field of ['label', 'metadata.product', 'metadata.tags', 'metadata.place.city']) {
      const keysOf = ({
        record,
      }: {
        record: { label: string | null; metadata: Record<string, unknown> }
      }): unknown[] => {
        const value =
          field === 'label'
            ? record.label
            : field === 'metadata.place.city'
              ? (record.metadata.place as { city: string } | undefined)?.city
              : record.metadata[field.split('.')[1]!]
        return [value ?? []].flat()
      }
      for (const vector of queries.slice(0, engine.pagedQueriesMax)) {
        const all = (await galleries.searches.search('a', { vector, k: 1_000, exact: true })).hits
        const expected = new Map<unknown, string[]>()
        for (const hit of all)
          for (const key of keysOf(hit)) expected.set(key, [...(expected.get(key) ?? []), hit.record.id])
        const { hits, groups } = await galleries.searches.search('a', {
          vector,
          k: 6,
          exact: true,
          groupBy: { field, size: 4 },
        })
        assert.deepEqual(hits, [])
        assert.deepEqual(
          groups!.map(({ rank, key, hits: members }) => [rank, key, ids(members)]),
          [...expected].slice(0, 6).map(([key, members], i) => [i + 1, key, members.slice(0, 4)]),
          field,
        )
        for (const { hits: members } of groups!)
          assert.deepEqual(
            members.map(({ rank }) => rank),
            members.map((_, i) => i + 1),
          )
        const page = await galleries.searches.search('a', {
          vector,
          k: 2,
          offset: 3,
          exact: true,
          groupBy: { field, size: 4 },
        })
        assert.deepEqual(page.groups, groups!.slice(3, 5))
      }
    }
  })

  test('groups respect the filter, the minimum score and the bound on examined hits', async (t) => {
    const galleries = await filled(t)
    const vector = queries[0]!
    const search = (more: Partial<GallerySearch>) =>
      galleries.searches.search('a', { vector, k: 50, groupBy: { field: 'label', size: 3 }, ...more })
    assert.deepEqual(
      (await search({ filter: { field: 'label', in: ['odd', 'rare'] } })).groups!.map(({ key }) => key).sort(),
      ['odd', 'rare'],
    )
    const third = (await galleries.searches.search('a', { vector, k: 3 })).hits[2]!.score
    assert.equal(
      (await search({ minScore: third, groupBy: { field: 'metadata.product', size: 50 } }))
        .groups!.flatMap(({ hits }) => hits)
        .every(({ score }) => score >= third),
      true,
    )
    assert.equal(
      (await search({ k: 400, candidatesMax: 12, groupBy: { field: 'metadata.product', size: 1 } })).groups!.length <=
        12,
      true,
    )
    assert.deepEqual((await search({ groupBy: { field: 'metadata.none', size: 1 } })).groups, [])
  })

  test('near-copies of better hits are omitted and replaced, so that k are returned whenever k exist', async (t) => {
    const galleries = await filled(t)
    const duplicateScore = 0.4
    const stored = (await galleries.searches.search('a', { vector: queries[0]!, k: 1_000, exact: true })).hits
    const words = new Map<string, Uint32Array>()
    for (const id of ids(stored)) words.set(id, wordsOf((await copyDescriptorOf(galleries, 'a', id))!)!)
    const likeness = (a: string, b: string) => nearCopyScore(words.get(a)!, 0, words.get(b)!, 0, duplicateScore)
    for (const vector of [...queries.slice(0, 3), vectors[10]!, vectors[50]!]) {
      const all = (await galleries.searches.search('a', { vector, k: 1_000, exact: true })).hits
      const expected: string[] = []
      for (const { record } of all)
        if (expected.every((id) => likeness(id, record.id) < duplicateScore)) expected.push(record.id)
      assert.ok(expected.length < all.length - 70)
      const { hits } = await galleries.searches.search('a', { vector, k: 1_000, exact: true, duplicateScore })
      assert.deepEqual(ids(hits), expected)
      assert.deepEqual(
        hits.map(({ rank }) => rank),
        expected.map((_, i) => i + 1),
      )
      const page = await galleries.searches.search('a', { vector, k: 10, offset: 5, exact: true, duplicateScore })
      assert.deepEqual(page.hits, hits.slice(5, 15))
      const bounded = await galleries.searches.search('a', {
        vector,
        k: 1_000,
        exact: true,
        duplicateScore,
        candidatesMax: 100,
      })
      assert.deepEqual(
        ids(bounded.hits),
        expected.filter((id) => all.findIndex(({ record }) => record.id === id) < 100),
      )
    }
  })

  test('copies are omitted from groups too, including copies of hits seen before a group is filled', async (t) => {
    const galleries = await filled(t)
    const stored = new Map<string, Float32Array>()
    const vectorOf = async (id: string): Promise<Float32Array> => {
      const known = stored.get(id) ?? (await embeddingOf(galleries, 'a', id))!
      stored.set(id, known)
      return known
    }
    const copiesIn = async (vector: Float32Array, duplicateScore?: number): Promise<number> => {
      const { groups } = await galleries.searches.search('a', {
        vector,
        k: 2,
        exact: true,
        ...(duplicateScore && { duplicateScore }),
        groupBy: { field: 'label', size: 100 },
      })
      const records = groups!.flatMap(({ hits }) => hits.map(({ record }) => record))
      const shown = await Promise.all(records.map(({ id }) => vectorOf(id)))
      return shown.filter((one, i) => shown.slice(0, i).some((other) => dot(one, other) >= 0.99)).length
    }
    for (let i = 0; i < 400; i += 13) assert.equal(await copiesIn(vectors[i]!, 0.4), 0)
    assert.ok((await copiesIn(vectors[10]!)) > 10)
  })

  test('groups are filled beyond the examined hits, whether or not copies are omitted', async (t) => {
    const galleries = await filled(t)
    for (const vector of queries.slice(0, engine.pagedQueriesMax))
      for (const duplicateScore of [undefined, 0.4]) {
        const { groups } = await galleries.searches.search('a', {
          vector,
          k: 10,
          exact: true,
          duplicateScore,
          candidatesMax: 60,
          groupBy: { field: 'label', size: 5 },
        })
        // even the rarest label has ten pictures
        assert.deepEqual(
          groups!.map(({ hits }) => hits.length),
          groups!.map(() => 5),
          `with near-copies of ${duplicateScore} omitted`,
        )
      }
  })

  test('diversity selects by marginal relevance among the best candidates, page by page', async (t) => {
    const galleries = await filled(t)
    for (const vector of queries.slice(0, 4)) {
      const pool = (await galleries.searches.search('a', { vector, k: 80, exact: true })).hits
      const stored = await Promise.all(pool.map(async ({ record }) => (await embeddingOf(galleries, 'a', record.id))!))
      const order = chooseDiverse({
        scores: pool.map(({ score }) => score),
        between: (a, b) => Math.fround(dot(stored[a]!, stored[b]!)),
        diversity: 0.4,
        k: 20,
      })
      const { hits } = await galleries.searches.search('a', {
        vector,
        k: 20,
        exact: true,
        diversity: { share: 0.4, candidates: 80 },
      })
      assert.deepEqual(
        ids(hits),
        order.map((i) => pool[i]!.record.id),
      )
      assert.deepEqual(
        hits.map(({ rank }) => rank),
        hits.map((_, i) => i + 1),
      )
      assert.deepEqual(
        (
          await galleries.searches.search('a', {
            vector,
            k: 5,
            offset: 10,
            exact: true,
            diversity: { share: 0.4, candidates: 80 },
          })
        ).hits,
        hits.slice(10, 15),
      )
      assert.deepEqual(
        (await galleries.searches.search('a', { vector, k: 20, exact: true, diversity: { share: 0, candidates: 80 } }))
          .hits,
        pool.slice(0, 20),
      )
    }
  })

  test('the best hits vote, whatever page or order is requested', async (t) => {
    const galleries = await filled(t)
    const vector = queries[1]!
    const best = ids((await galleries.searches.search('a', { vector, k: 30, exact: true })).hits)
    for (const more of [
      {},
      { offset: 20 },
      { diversity: { share: 0.9, candidates: 60 } },
      { groupBy: { field: 'label', size: 2 } },
    ]) {
      const { voters } = await galleries.searches.search('a', { vector, k: 5, exact: true, voters: 30, ...more })
      assert.deepEqual(ids(voters!), best)
    }
    assert.equal('voters' in (await galleries.searches.search('a', { vector, k: 5 })), false)
  })

  test('pictures removed while a list grows are not returned twice, nor after their removal is known', async (t) => {
    const galleries = await filled(t)
    const searching = Promise.all(
      queries.map((vector) => galleries.searches.search('a', { vector, k: 300, duplicateScore: 0.4 })),
    )
    await removeImages(
      galleries.images,
      'a',
      Array.from({ length: 200 }, (_, i) => idOf(i)),
    )
    for (const { hits } of await searching) assert.equal(new Set(ids(hits)).size, hits.length)
    const { hits } = await galleries.searches.search('a', { vector: queries[0]!, k: 300, duplicateScore: 0.4 })
    assert.ok(ids(hits).every((id) => id.includes('copy') || Number(id.slice(1)) >= 200))
  })

  test('with half of the gallery deleted, filters that pass 50, 10 and 1 % return k hits whenever k exist, and nothing deleted', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    const random = seededRandom(8)
    const many = Array.from({ length: 3_000 }, unitVectors({ dimension: model.dimension, seed: 41 }))
    await putImages(
      galleries.images,
      'a',
      many.map((vector, i) => newImage(String(i), vector, { metadata: { lot: Math.floor(random() * 1_000) } })),
    )
    await engine.settled(galleries)
    const doomed = new Set(many.map((_, i) => String(i)).filter(() => random() < 0.5))
    await removeImages(galleries.images, 'a', [...doomed])
    for (const share of [0.5, 0.1, 0.01]) {
      let found = 0
      let wanted = 0
      for (const vector of queries) {
        const search = { vector, k: 10, filter: { field: 'metadata.lot', range: { lt: share * 1_000 } } }
        const truth = ids((await galleries.searches.search('a', { ...search, exact: true })).hits)
        const got = ids((await galleries.searches.search('a', search)).hits)
        assert.equal(got.length, truth.length)
        assert.ok(got.every((id) => !doomed.has(id)))
        found += got.filter((id) => truth.includes(id)).length
        wanted += truth.length
      }
      assert.ok(found >= 0.98 * wanted, `${found} of ${wanted} with ${share * 100} %`)
    }
  })
}

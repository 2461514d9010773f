import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Galleries } from '../../src/gallery/galleries.js'
import type { GallerySearch } from '../../src/gallery/gallery-search.js'
import type { SearchPage } from '../../src/gallery/gallery-searches.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage, putImages, removeImages } from './stored-images.js'
import type { TestedEngine, TestedOptions } from './tested-engine.js'

const makeVector = unitVectors({ dimension: model.dimension, seed: 77, clusters: 40 })
const vectors = Array.from({ length: 4_000 }, makeVector)
const few = vectors.slice(0, 500)
const queries = Array.from({ length: 60 }, makeVector)
const idOf = (i: number) => `p${String(i).padStart(5, '0')}`
const idsOf = ({ hits, groups }: Pick<SearchPage, 'hits' | 'groups'>) =>
  groups?.map(({ key }) => String(key)) ?? hits.map(({ record }) => record.id)

export function pagingSuite(engine: TestedEngine): void {
  async function filled(t: TestContext, options: TestedOptions = {}, stored = vectors): Promise<Galleries> {
    const galleries = await engine.open(t, await engine.newPlace(t), { poorIndex: true, ...options })
    await galleries.create('a')
    // every tenth picture is stored twice, and a score is shared by both
    const images = stored.flatMap((vector, i) => {
      const more = { label: i % 3 === 0 ? 'third' : 'other', metadata: { product: Math.floor(i / 4) } }
      const original = newImage(idOf(i), vector, more)
      return [
        original,
        ...(i % 10 === 0 ? [newImage(`${idOf(i)}-again`, vector, { ...more, contentHash: original.contentHash })] : []),
      ]
    })
    for (let begin = 0; begin < images.length; begin += 500)
      await putImages(galleries.images, 'a', images.slice(begin, begin + 500))
    await engine.settled(galleries)
    return galleries
  }

  const boosts = [
    { filter: { field: 'label', in: ['third'] }, weight: 0.05 },
    { filter: { field: 'metadata.product', range: { lt: 500 } }, weight: 0.02 },
  ]
  const kinds: Record<string, Partial<GallerySearch>> = {
    'plain hits': {},
    'hits of a filter': { filter: { field: 'label', in: ['other'] } },
    'hits above a score': { minScore: 0.5 },
    'hits without those excluded': { excludeIds: [idOf(1), idOf(10), idOf(11)] },
    'hits by a given ef': { ef: 40 },
    'hits without near-copies': { duplicateScore: 0.97 },
    'diverse hits': { diversity: { share: 0.4, candidates: 50 } },
    groups: { groupBy: { field: 'metadata.product', size: 2 } },
    'raised hits': { boosts },
  }

  test('more pictures with one score than are ordered at once are paged without repeats', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    const same = vectors[0]!
    for (let begin = 0; begin < 2_600; begin += 650) {
      await putImages(
        galleries.images,
        'a',
        Array.from({ length: 650 }, (_, i) => newImage(`s${((begin + i) * 7_919) % 2_600}`, same)),
      )
    }
    await putImages(
      galleries.images,
      'a',
      vectors.slice(1, 200).map((vector, i) => newImage(idOf(i), vector)),
    )
    await engine.settled(galleries)
    const paged: string[] = []
    for (let offset = 0; offset < 2_700; offset += 300)
      paged.push(...idsOf(await galleries.searches.search('a', { vector: same, k: 300, offset })))
    assert.equal(paged.length, 2_700)
    assert.equal(new Set(paged).size, 2_700)
  })

  const caller = 'someone'
  /** All pages of a ranking; `between` is called after each. */
  async function pagesOf(
    galleries: Galleries,
    search: GallerySearch,
    between: (page: SearchPage) => Promise<unknown> = async () => {},
  ): Promise<SearchPage[]> {
    const pages: SearchPage[] = [await galleries.searches.firstPage('a', { ...search, caller, reach: 400 })]
    for (let token = pages[0]!.nextPageToken; token !== undefined; token = pages.at(-1)!.nextPageToken) {
      await between(pages.at(-1)!)
      pages.push(await galleries.searches.nextPage('a', { token, caller, k: search.k }))
    }
    return pages
  }

  test('pages of one gallery, unchanged and then with pictures removed', async (t) => {
    const galleries = await filled(t)

    await t.test('pages of ten by offset return everything once, whatever is searched for', async () => {
      for (const [kind, terms] of Object.entries(kinds)) {
        let graph = 0
        for (const vector of queries.slice(0, Math.min(kind === 'plain hits' ? 24 : 6, engine.pagedQueriesMax))) {
          const whole = await galleries.searches.search('a', { vector, k: 120, ...terms })
          const paged: string[] = []
          for (let offset = 0; offset < 120; offset += 10) {
            const page = await galleries.searches.search('a', { vector, k: 10, offset, ...terms })
            graph += Number(page.method === 'hnsw')
            assert.deepEqual(
              page.hits.map(({ rank }) => rank),
              page.hits.map((_, i) => offset + i + 1),
            )
            if (terms.diversity === undefined)
              assert.ok(page.hits.every(({ score }, i) => i === 0 || score <= page.hits[i - 1]!.score))
            paged.push(...idsOf(page))
          }
          assert.equal(new Set(paged).size, paged.length, kind)
          assert.deepEqual(paged.toSorted(), idsOf(whole).toSorted(), kind)
        }
        assert.ok(graph > 0, `a scan would prove nothing: ${kind}`)
      }
    })

    await t.test('the first six pages of ten come from one search, in its order', async () => {
      for (const vector of queries.slice(0, engine.pagedQueriesMax)) {
        const { hits } = await galleries.searches.search('a', { vector, k: 60 })
        for (let offset = 0; offset < 60; offset += 10)
          assert.deepEqual(
            (await galleries.searches.search('a', { vector, k: 10, offset })).hits,
            hits.slice(offset, offset + 10),
          )
      }
    })

    await t.test('deep pages of other sizes are slices of the same list', async () => {
      for (const vector of queries.slice(0, Math.min(5, engine.pagedQueriesMax))) {
        const found = new Set(idsOf(await galleries.searches.search('a', { vector, k: 700 })))
        const paged: string[] = []
        for (const k of [7, 30, 64, 1, 200, 98, 300])
          paged.push(...idsOf(await galleries.searches.search('a', { vector, k, offset: paged.length })))
        assert.equal(new Set(paged).size, 700)
        assert.deepEqual(new Set(paged), found)
      }
    })

    await t.test('pages of ten by token come from one ranking, to its end', async () => {
      for (const [kind, terms] of Object.entries(kinds)) {
        for (const vector of queries.slice(0, 2)) {
          const whole = await galleries.searches.search('a', { vector, k: 400, ...terms })
          const pages = await pagesOf(galleries, { vector, k: 10, ...terms })
          const paged = pages.flatMap(idsOf)
          assert.equal(new Set(paged).size, paged.length, kind)
          assert.deepEqual(paged.toSorted(), idsOf(whole).toSorted(), kind)
          assert.deepEqual(
            pages.flatMap((page) => (page.groups ?? page.hits).map(({ rank }) => rank)),
            paged.map((_, i) => i + 1),
          )
          const records = pages
            .flatMap(({ hits, groups }) => groups?.flatMap((group) => group.hits) ?? hits)
            .map(({ record }) => record)
          for (const { id, label, metadata } of records) {
            const stored = await galleries.images.get('a', id)
            assert.deepEqual(
              { label, metadata },
              { label: stored?.label, metadata: stored?.metadata },
              'records are complete',
            )
          }
        }
      }
    })

    await t.test('removing the first picture leaves its neighbours where they were', async () => {
      const vector = queries[5]!
      const first = await galleries.searches.firstPage('a', { vector, k: 5, caller, reach: 100 })
      const all = idsOf(await galleries.searches.search('a', { vector, k: 20 }))
      await removeImages(galleries.images, 'a', [all[0]!, all[6]!])
      const second = await galleries.searches.nextPage('a', { token: first.nextPageToken!, caller, k: 5 })
      assert.deepEqual(
        second.hits.map(({ rank, record }) => [rank, record.id]),
        all
          .slice(5, 10)
          .map((id, i) => [6 + i, id])
          .filter(([, id]) => id !== all[6]),
      )
      // the same page again, also concurrently
      const again = await Promise.all(
        [1, 2, 3].map(() => galleries.searches.nextPage('a', { token: first.nextPageToken!, caller, k: 5 })),
      )
      for (const page of again) assert.deepEqual(page.hits, second.hits)
    })
  })

  test('pages of several galleries return everything once, by offset and by token', async (t) => {
    const galleries = await filled(t, {}, vectors.slice(0, 2_000))
    await galleries.create('b')
    for (let begin = 2_000; begin < vectors.length; begin += 500)
      await putImages(
        galleries.images,
        'b',
        // every tenth has the id of a picture of the other gallery
        vectors
          .slice(begin, begin + 500)
          .map((vector, i) => newImage(idOf(begin + i - (i % 10 === 0 ? 2_000 : 0)), vector)),
      )
    await engine.settled(galleries)
    const both = ['a', 'b']
    const seenIn = ({ hits }: SearchPage) => hits.map(({ gallery, record }) => `${gallery}/${record.id}`)
    for (const terms of [{}, { boosts }]) {
      let graph = 0
      for (const vector of queries.slice(0, Math.min(6, engine.pagedQueriesMax))) {
        const whole = seenIn(await galleries.searches.search(both, { vector, k: 300, ...terms }))
        const byOffset: string[] = []
        for (let offset = 0; offset < 300; offset += 10) {
          const page = await galleries.searches.search(both, { vector, k: 10, offset, ...terms })
          graph += Number(page.method === 'hnsw')
          byOffset.push(...seenIn(page))
        }
        assert.equal(new Set(byOffset).size, 300)
        assert.deepEqual(byOffset.toSorted(), whole.toSorted())
        const first = await galleries.searches.firstPage(both, { vector, k: 10, caller, reach: 300, ...terms })
        const byToken = seenIn(first)
        for (let token = first.nextPageToken; token !== undefined; ) {
          const page = await galleries.searches.nextPage(both, { token, caller, k: 10 })
          byToken.push(...seenIn(page))
          token = page.nextPageToken
        }
        assert.deepEqual(byToken, byOffset)
      }
      assert.ok(graph > 0, 'a scan would prove nothing')
    }
  })

  test('pictures stored after the first page appear on none; those removed, changed or replaced leave a gap', async (t) => {
    for (const terms of [
      {},
      { filter: { field: 'label', in: ['third'] } },
      { duplicateScore: 0.999 },
    ] satisfies Partial<GallerySearch>[]) {
      const galleries = await filled(t)
      const vector = queries[3]!
      const before = idsOf(await galleries.searches.search('a', { vector, k: 400, ...terms }))
      const removed = before.filter((_, i) => i % 9 === 5)
      const replaced = before.filter((_, i) => i % 9 === 7)
      let rounds = 0
      const pages = await pagesOf(galleries, { vector, k: 10, ...terms }, async () => {
        if (rounds++ !== 0 && rounds % 5 !== 0) return
        // near the query, so that a new search would begin with them
        await putImages(
          galleries.images,
          'a',
          Array.from({ length: 30 }, (_, i) => newImage(`new-${rounds}-${i}`, vector, { label: 'third' })),
        )
        await removeImages(galleries.images, 'a', removed)
        if (rounds === 1)
          await putImages(
            galleries.images,
            'a',
            replaced.map((id) => newImage(id, vector, { label: 'third' })),
          )
        await engine.settled(galleries)
      })
      const paged = pages.flatMap(idsOf)
      assert.equal(new Set(paged).size, paged.length)
      assert.ok(!paged.some((id) => id.startsWith('new-')))
      const shownBefore = new Set(before.slice(0, 10))
      const gone = new Set([...removed, ...replaced].filter((id) => !shownBefore.has(id)))
      assert.ok(!paged.some((id) => gone.has(id)))
      const missing = before.filter((id) => !gone.has(id) && !paged.includes(id))
      // at the end of a list of 400, a changed graph may return different hits
      const lost = missing.filter((id) => before.indexOf(id) < 300)
      assert.ok(lost.length <= engine.keptLossMax, lost.join(' '))
      const ranks = pages.flatMap(({ hits }) => hits.map(({ rank }) => rank))
      assert.ok(
        ranks.every((rank, i) => i === 0 || rank > ranks[i - 1]!),
        'ranks are still those of the kept ranking',
      )
    }
  })

  test('an image that is given a value after the first page is in no group of the ranking', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    const [vector, ...others] = few as [Float32Array, ...Float32Array[]]
    await putImages(galleries.images, 'a', [
      newImage('first', vector, { metadata: { n: [1, 2] } }),
      ...others.slice(0, 30).map((other, i) => newImage(idOf(i), other)),
    ])
    const terms = { vector, k: 1, groupBy: { field: 'metadata.n', size: 1 } }
    const first = await galleries.searches.firstPage('a', { ...terms, caller, reach: 10 })
    for (let i = 0; i < 30; i++) await galleries.images.patch('a', idOf(i), { metadata: { n: 3 } })
    const second = await galleries.searches.nextPage('a', { token: first.nextPageToken!, caller, k: 1 })
    assert.deepEqual(
      [first, second].flatMap(({ groups }) => groups!.map(({ key }) => key)),
      [1, 2],
    )
    assert.equal(second.nextPageToken, undefined)
  })

  test('tokens are valid for their caller and gallery only, and end with the gallery', async (t) => {
    const galleries = await filled(t, {}, few)
    await galleries.create('b')
    const { nextPageToken: token = '' } = await galleries.searches.firstPage('a', {
      vector: queries[0]!,
      k: 5,
      caller,
      reach: 100,
    })
    const expired = { code: 'page_expired' }
    await assert.rejects(galleries.searches.nextPage('a', { token, caller: 'another', k: 5 }), expired)
    await assert.rejects(galleries.searches.nextPage('b', { token, caller, k: 5 }), expired)
    for (let i = 0; i < token.length - 1; i++) {
      const changed = token.slice(0, i) + (token[i] === 'A' ? 'B' : 'A') + token.slice(i + 1)
      await assert.rejects(galleries.searches.nextPage('a', { token: changed, caller, k: 5 }), expired)
    }
    for (const other of ['', 'AAAA', token + token])
      await assert.rejects(galleries.searches.nextPage('a', { token: other, caller, k: 5 }), expired)
    assert.equal((await galleries.searches.nextPage('a', { token, caller, k: 5 })).hits.length, 5)
    assert.equal(galleries.searches.kept.count, 1)
    await galleries.delete('a')
    assert.deepEqual(galleries.searches.kept, { count: 0, bytes: 0 })
    await galleries.create('a')
    await assert.rejects(galleries.searches.nextPage('a', { token, caller, k: 5 }), expired)
  })

  test('a first page is not finished for a caller who has left, and the next one does not depend on its request', async (t) => {
    const galleries = await filled(t, {}, few)
    const request = new AbortController()
    const search = { vector: queries[0]!, k: 5, caller, reach: 100, signal: request.signal }
    const { nextPageToken: token = '' } = await galleries.searches.firstPage('a', search)
    request.abort(new Error('left'))
    assert.equal((await galleries.searches.nextPage('a', { token, caller, k: 90 })).hits.length, 90)
    await assert.rejects(galleries.searches.firstPage('a', search), /left/)

    const later = new AbortController()
    const page = galleries.searches.firstPage('a', { ...search, k: 90, signal: later.signal })
    later.abort(new Error('left later'))
    await assert.rejects(page, /left later/)
    assert.equal(galleries.searches.kept.count, 1)
  })

  test('the lists of a raised ranking count as its memory', async (t) => {
    const galleries = await filled(t, {}, few)
    const sizeOf = async (terms: Partial<GallerySearch>) => {
      const before = galleries.searches.kept.bytes
      const pages = await pagesOf(galleries, { vector: queries[0]!, k: 200, ...terms })
      assert.equal(pages.length, 2)
      return galleries.searches.kept.bytes - before
    }
    // one list, and three more of which the largest holds a third of the pictures
    assert.ok((await sizeOf({ boosts })) > 1.2 * (await sizeOf({})))
  })

  test('the hits of a last page count as memory of its ranking', async (t) => {
    const galleries = await filled(t, {}, few)
    const search = { vector: queries[0]!, k: 1, caller, reach: few.length }
    const { nextPageToken: token = '' } = await galleries.searches.firstPage('a', search)
    const { bytes } = galleries.searches.kept
    const last = await galleries.searches.nextPage('a', { token, caller, k: few.length - 1 })
    assert.deepEqual([last.hits.length, last.nextPageToken], [few.length - 1, undefined])
    assert.ok(galleries.searches.kept.bytes > 1.2 * bytes)
  })

  test('rankings are kept up to a number and a total size; the least recently used one is dropped', async (t) => {
    const drops: string[] = []
    const galleries = await filled(
      t,
      { pages: { rankingsMax: 3 }, onRankingDrop: (reason) => void drops.push(reason) },
      few,
    )
    const search = async (i: number) =>
      (await galleries.searches.firstPage('a', { vector: queries[i]!, k: 5, caller, reach: 100 })).nextPageToken!
    const [one, two] = [await search(0), await search(1), await search(2)]
    await galleries.searches.nextPage('a', { token: one, caller, k: 5 })
    await search(3)
    await assert.rejects(galleries.searches.nextPage('a', { token: two, caller, k: 5 }), { code: 'page_expired' })
    assert.equal((await galleries.searches.nextPage('a', { token: one, caller, k: 5 })).hits[0]!.rank, 6)
    assert.deepEqual(drops, ['displaced'])

    const small = await filled(t, { pages: { rankingsMaxBytes: 1_024 } }, few)
    for (const vector of queries.slice(0, Math.min(5, engine.pagedQueriesMax))) {
      const { nextPageToken: token = '' } = await small.searches.firstPage('a', { vector, k: 5, caller, reach: 100 })
      assert.equal((await small.searches.nextPage('a', { token, caller, k: 5 })).hits.length, 5)
      assert.equal(small.searches.kept.count, 1)
    }
  })
}

/** The contract of the catalogue and its sibling stores, in any database and with any engine. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Catalogue, CatalogueRecord, NewCatalogueEntry } from '../../src/gallery/catalogue.js'
import type { DecidedFinding, DecisionStore } from '../../src/gallery/decisions.js'
import type { FeedbackStore, JudgedHit } from '../../src/gallery/feedback.js'
import type { LayoutStore } from '../../src/gallery/layout.js'

export interface TestedStores {
  /** Empty; stores can be reopened there. @returns undefined, and skips the test, if it is unavailable */
  newPlace(t: TestContext): Promise<string | undefined>
  /** Allows 4 judgements and 3 decisions per gallery. Closed with the test at the latest. */
  open(t: TestContext, place: string): Promise<OpenedStores>
}

export interface OpenedStores {
  catalogue: Catalogue
  feedback: FeedbackStore
  decisions: DecisionStore
  layouts: LayoutStore
  close(): Promise<void>
}

const entryOf = (name: string, more: Partial<NewCatalogueEntry> = {}): NewCatalogueEntry => ({
  name,
  uid: `uid-of-${name}`,
  setUid: `set-of-${name}`,
  engine: 'any',
  modelId: '00000000000000aa',
  dimension: 8,
  settings: {},
  galleriesMax: 5,
  ...more,
})
const namesOf = (records: readonly { name: string }[]) => records.map(({ name }) => name)

export function judged(hit: string, more: Partial<JudgedHit> = {}): JudgedHit {
  return {
    query: { key: 'k' },
    hit,
    hitHash: `hash of ${hit}`,
    verdict: 'right',
    by: 'ann',
    at: '2026-01-01T00:00:00.000Z',
    modelId: '00000000000000aa',
    ...more,
  }
}

export function sharedStoresSuite(stores: TestedStores): void {
  function storesTest(
    name: string,
    body: (opened: OpenedStores & { reopen(): Promise<OpenedStores> }) => Promise<void>,
  ): void {
    test(name, async (t) => {
      const place = await stores.newPlace(t)
      if (place === undefined) return
      const opened = await stores.open(t, place)
      const reopen = async () => {
        await opened.close()
        return stores.open(t, place)
      }
      const { catalogue, feedback, decisions, layouts } = opened
      await body({ catalogue, feedback, decisions, layouts, close: () => opened.close(), reopen })
    })
  }

  storesTest('a gallery is created once, found, and survives; more than there may be are refused', async (opened) => {
    const { catalogue, reopen } = opened
    const settings = { note: 'ü', deep: { x: [1, null] } }
    const { gallery, created } = await catalogue.create(entryOf('a', { settings }))
    assert.deepEqual([created, gallery.name, gallery.uid, gallery.settings], [true, 'a', 'uid-of-a', settings])
    const again = await catalogue.create(entryOf('a', { uid: 'another', setUid: 'other', settings: {} }))
    assert.deepEqual([again.created, again.gallery], [false, gallery])
    const set = { uid: 'set-of-a', galleryUid: 'uid-of-a', modelId: '00000000000000aa', dimension: 8 }
    assert.deepEqual(await catalogue.find('a'), { name: 'a', uid: 'uid-of-a', engine: 'any', set, options: {} })
    assert.deepEqual([await catalogue.find('none'), await catalogue.record('none')], [undefined, undefined])
    const making = ['b', 'c', 'd', 'e', 'f', 'g'].map((name) => catalogue.create(entryOf(name)))
    const made = await Promise.allSettled(making)
    assert.equal(made.filter(({ status }) => status === 'fulfilled').length, 4, 'also when several come at once')
    await assert.rejects(catalogue.create(entryOf('z')), { code: 'galleries_full' })
    assert.deepEqual(await (await reopen()).catalogue.record('a'), gallery)
  })

  storesTest('what is chosen for a gallery is kept, changed and survives', async ({ catalogue, reopen }) => {
    await catalogue.create(entryOf('a', { options: { originals: 'none', released: true } }))
    await catalogue.create(entryOf('b'))
    const optionsOf = async (from: Catalogue) => (await from.find('a'))?.options
    assert.deepEqual(await optionsOf(catalogue), { originals: 'none', released: true })
    const changed = await catalogue.change('a', { keepQueries: 5 })
    assert.deepEqual(changed.options, { originals: 'none', released: true, keepQueries: 5 })
    await catalogue.change('a', { originals: 'keep' })
    assert.deepEqual(await optionsOf(catalogue), { originals: 'keep', keepQueries: 5 })
    await catalogue.change('a', { originals: 'reference', keepQueries: 0 })
    assert.deepEqual(await optionsOf(catalogue), { originals: 'reference' })
    await catalogue.change('a', { releaseOriginals: true, maxImages: 7 })
    await catalogue.change('b', { maxImages: 0 })
    assert.deepEqual(await optionsOf(catalogue), { originals: 'reference', released: true, maxImages: 7 })
    await catalogue.change('a', { maxImages: null })
    await assert.rejects(catalogue.change('none', { originals: 'keep' }), { code: 'gallery_not_found' })
    const reopened = await reopen()
    assert.deepEqual(await optionsOf(reopened.catalogue), { originals: 'reference', released: true })
    const entries = await reopened.catalogue.entries({ after: '', limit: 10 })
    assert.deepEqual(
      entries.map(({ options }) => options),
      [{ originals: 'reference', released: true }, { maxImages: 0 }],
    )
  })

  storesTest(
    'galleries are listed by the bytes of their names, as far as their settings have room',
    async ({ catalogue }) => {
      for (const name of ['b', 'B', 'a-1', 'a'])
        await catalogue.create(entryOf(name, { settings: { text: 'x'.repeat(90) } }))
      const all = await catalogue.list({ after: '', limit: 100, maxLength: Infinity })
      assert.deepEqual(namesOf(all.records), ['B', 'a', 'a-1', 'b'])
      assert.equal(all.length, 400 + 4)
      const page = (more: { after?: string; limit?: number; maxLength?: number }) =>
        catalogue.list({ after: '', limit: 10, maxLength: 1_000, ...more })
      assert.deepEqual(namesOf((await page({ after: 'a', limit: 1 })).records), ['a-1'])
      assert.deepEqual(namesOf((await page({ maxLength: 210 })).records), ['B', 'a'])
      assert.deepEqual(namesOf((await page({ after: 'a', maxLength: 0 })).records), ['a-1'], 'at least one')
      assert.deepEqual(await page({ after: 'b' }), { records: [], length: 0 })
      assert.deepEqual(namesOf(await catalogue.entries({ after: 'B', limit: 2 })), ['a', 'a-1'])
    },
  )

  storesTest(
    'a gallery has a set that serves and one beside it; they change places in one write',
    async ({ catalogue, reopen }) => {
      await catalogue.create(entryOf('a'))
      const added = {
        uid: 'next',
        galleryUid: 'uid-of-a',
        engine: 'other',
        modelId: '00000000000000bb',
        dimension: 4,
        about: { n: 1 },
      }
      assert.equal((await catalogue.addSet(added)).stage, 'building')
      await assert.rejects(catalogue.addSet({ ...added, uid: 'third' }), { code: 'set_exists' })
      await assert.rejects(catalogue.addSet({ ...added, galleryUid: 'none' }), { code: 'gallery_not_found' })
      assert.deepEqual((await catalogue.changeSet('next', { stage: 'ready' })).about, { n: 1 })
      assert.deepEqual((await catalogue.changeSet('next', { about: { n: 2 } })).stage, 'ready')
      await assert.rejects(catalogue.changeSet('none', {}), { code: 'set_not_found' })
      await catalogue.serve('next', { left: true })
      const sets = await catalogue.sets('uid-of-a')
      assert.deepEqual(
        sets.map(({ uid, stage, about }) => [uid, stage, about]),
        [
          ['set-of-a', 'kept', { left: true }],
          ['next', 'serving', { n: 2 }],
        ],
      )
      const { engine, set } = (await catalogue.find('a'))!
      assert.deepEqual([engine, set.uid, set.dimension], ['other', 'next', 4])
      await assert.rejects(catalogue.removeSet('next'), { code: 'set_in_use' })
      await catalogue.removeSet('none')
      const later = (await reopen()).catalogue
      assert.deepEqual(await later.sets('uid-of-a'), sets)
      await later.removeSet('set-of-a')
      assert.equal((await later.sets('uid-of-a')).length, 1)
      await assert.rejects(later.sets('none'), { code: 'gallery_not_found' })
    },
  )

  storesTest('sets are recorded as removed until they are forgotten', async ({ catalogue, reopen }) => {
    await catalogue.create(entryOf('a'))
    const second = { galleryUid: 'uid-of-a', engine: 'other', modelId: '00000000000000bb', dimension: 4, about: {} }
    await catalogue.addSet({ ...second, uid: 'next' })
    await catalogue.removeSet('none')
    await assert.rejects(catalogue.removeSet('set-of-a'), { code: 'set_in_use' })
    assert.deepEqual(await catalogue.removedSets(), [])
    const before = new Date().toISOString()
    await catalogue.removeSet('next')
    await catalogue.addSet({ ...second, uid: 'third' })
    await catalogue.remove('a')
    const later = (await reopen()).catalogue
    const removed = await later.removedSets()
    assert.deepEqual(removed.map(({ uid, engine }) => [uid, engine]).sort(), [
      ['next', 'other'],
      ['set-of-a', 'any'],
      ['third', 'other'],
    ])
    for (const { removedAt } of removed) assert.ok(removedAt >= before, `${removedAt} after ${before}`)
    await later.forgetRemoved('next')
    await later.forgetRemoved('none')
    assert.deepEqual((await later.removedSets()).map(({ uid }) => uid).sort(), ['set-of-a', 'third'])
  })

  storesTest('a gallery whose creation is undone stays if its storage has been prepared meanwhile', async (opened) => {
    const { catalogue } = opened
    await catalogue.create(entryOf('a'))
    const [removed, made] = await Promise.allSettled([
      catalogue.remove('a', 'uid-of-a'),
      catalogue.changeSet('set-of-a', { about: { isMade: true } }),
    ])
    assert.notEqual(removed.status, made.status, 'one of both')
    await catalogue.create(entryOf('b'))
    await catalogue.changeSet('set-of-b', { about: { isMade: true } })
    await assert.rejects(catalogue.remove('b', 'uid-of-b'), { code: 'gallery_not_found' })
    assert.equal((await catalogue.find('b'))?.uid, 'uid-of-b')
    await catalogue.remove('b')
  })

  storesTest('a gallery that is removed takes along what belongs to it; its name is free at once', async (opened) => {
    const { catalogue, feedback, decisions, layouts } = opened
    await catalogue.create(entryOf('a'))
    await feedback.record('uid-of-a', [judged('x')])
    await decisions.add('uid-of-a', finding('x'))
    await layouts.save('set-of-a', about, [])
    await assert.rejects(catalogue.remove('a', 'uid-of-a-before'), { code: 'gallery_not_found' })
    assert.deepEqual(await catalogue.remove('a', 'uid-of-a'), {
      uid: 'uid-of-a',
      sets: [{ uid: 'set-of-a', engine: 'any' }],
    })
    await assert.rejects(catalogue.remove('a'), { code: 'gallery_not_found' })
    const gone = { code: 'gallery_not_found' }
    await assert.rejects(feedback.page('uid-of-a', 0, 10), gone)
    await assert.rejects(feedback.record('uid-of-a', [judged('x')]), gone)
    await assert.rejects(decisions.page('uid-of-a', 0, 10), gone)
    await assert.rejects(decisions.add('uid-of-a', finding('x')), gone)
    await assert.rejects(layouts.about('set-of-a'), gone)
    await assert.rejects(layouts.save('set-of-a', about, []), gone)
    const { gallery } = await catalogue.create(entryOf('a', { uid: 'new', setUid: 'new-set' }))
    assert.equal((gallery satisfies CatalogueRecord).uid, 'new')
    assert.deepEqual(await feedback.page('new', 0, 10), [])
  })

  const none = { recorded: 0, changed: 0, withdrawn: 0, unchanged: 0 }
  storesTest(
    'of each query, hit and judge the last verdict is kept, under a new number',
    async ({ catalogue, feedback, reopen }) => {
      await catalogue.create(entryOf('a'))
      await catalogue.create(entryOf('b'))
      const first = judged('x', { query: { id: 'q' }, queryHash: 'hash of q', rank: 3, score: 0.123456789012345 })
      const record = (...given: JudgedHit[]) => feedback.record('uid-of-a', given)
      assert.deepEqual(await record(first, judged('y')), { ...none, recorded: 2, stored: 2 })
      assert.deepEqual(await record(first), { ...none, unchanged: 1, stored: 2 })
      await feedback.record('uid-of-b', [judged('other')])
      assert.deepEqual(await record({ ...first, verdict: 'wrong' }), { ...none, changed: 1, stored: 2 })
      const { feedback: later } = await reopen()
      const kept = await later.page('uid-of-a', 0, 10)
      assert.deepEqual(
        kept.map(({ number, ...rest }) => rest),
        [judged('y'), { ...first, verdict: 'wrong' }],
      )
      assert.ok(kept[0]!.number < kept[1]!.number)
      assert.deepEqual(await later.page('uid-of-a', 0, 1), kept.slice(0, 1))
      assert.deepEqual(await later.page('uid-of-a', kept[0]!.number, 10), kept.slice(1))
      const many = ['u', 'v', 'w'].map((hit) => judged(hit))
      await assert.rejects(later.record('uid-of-a', many), { code: 'feedback_full' })
      assert.equal((await later.page('uid-of-a', 0, 10)).length, 2, 'all or none')
      assert.equal((await later.record('uid-of-a', many.slice(1))).stored, 4)
    },
  )

  storesTest('judgements are read by query and judge', async ({ catalogue, feedback }) => {
    await catalogue.create(entryOf('a'))
    await catalogue.create(entryOf('b'))
    const id = judged('x', { query: { id: 'q' }, queryHash: 'hash of q' })
    await feedback.record('uid-of-a', [id, judged('x', { query: { key: 'q' } }), { ...id, by: 'ben' }])
    await feedback.record('uid-of-a', [{ ...id, hit: 'y' }])
    await feedback.record('uid-of-b', [{ ...id, hit: 'z' }])
    const read = async (...page: Parameters<FeedbackStore['page']>) =>
      (await feedback.page(...page)).map(({ query, hit, by }) => [...Object.entries(query).flat(), hit, by].join(' '))
    const all = await feedback.page('uid-of-a', 0, 10, {})
    assert.equal(all.length, 4)
    const byId = { query: { id: 'q' } }
    assert.deepEqual(await read('uid-of-a', 0, 10, byId), ['id q x ann', 'id q x ben', 'id q y ann'])
    assert.deepEqual(await read('uid-of-a', all[0]!.number, 1, byId), ['id q x ben'])
    assert.deepEqual(await read('uid-of-a', 0, 10, { ...byId, by: 'ann' }), ['id q x ann', 'id q y ann'])
    assert.deepEqual(await read('uid-of-a', 0, 10, { by: 'ben' }), ['id q x ben'])
    assert.deepEqual(await read('uid-of-a', 0, 10, { query: { contentHash: 'q' } }), [])
  })

  storesTest(
    'judgements of the longest ids are kept apart and changed like others',
    async ({ catalogue, feedback }) => {
      await catalogue.create(entryOf('a'))
      // of 512 characters that no database can compress
      const longId = (end: string) =>
        Array.from({ length: 511 }, (_, i) => String.fromCharCode(0x4e00 + ((i * 7_919) % 20_000))).join('') + end
      const long = (hit: string, more: Partial<JudgedHit> = {}) =>
        judged(longId(hit), {
          query: { id: longId('q') },
          queryHash: 'hash of q',
          by: longId('').slice(0, 100),
          ...more,
        })
      const record = (...given: JudgedHit[]) => feedback.record('uid-of-a', given)
      assert.deepEqual(await record(long('x'), long('y')), { ...none, recorded: 2, stored: 2 })
      const again = await record(long('x'), long('y', { verdict: 'wrong' }))
      assert.deepEqual(again, { ...none, changed: 1, unchanged: 1, stored: 2 })
    },
  )

  storesTest('a judgement is withdrawn, which makes room for another', async ({ catalogue, feedback, reopen }) => {
    await catalogue.create(entryOf('a'))
    const hits = ['u', 'v', 'w', 'x']
    await feedback.record(
      'uid-of-a',
      hits.map((hit) => judged(hit)),
    )
    const withdrawn = (hit: string) => judged(hit, { verdict: 'none' })
    const counts = await feedback.record('uid-of-a', [withdrawn('u'), withdrawn('u'), withdrawn('other')])
    assert.deepEqual(counts, { ...none, withdrawn: 1, unchanged: 2, stored: 3 })
    const { feedback: later } = await reopen()
    const kept = await later.page('uid-of-a', 0, 10)
    assert.deepEqual(
      kept.map(({ hit }) => hit),
      hits.slice(1),
    )
    assert.equal((await later.record('uid-of-a', [withdrawn('v'), judged('y'), judged('z')])).stored, 4)
    await assert.rejects(later.record('uid-of-a', [judged('u')]), { code: 'feedback_full' })
  })

  const finding = (id: string): DecidedFinding => ({
    kind: 'label',
    decision: 'set-label',
    images: [{ id, contentHash: 'h', label: null, labelBefore: 'ü' }],
    label: null,
    changed: 1,
    by: 'ann',
  })

  storesTest(
    'decisions are kept in the order of their coming, unsettled until they are done',
    async ({ catalogue, decisions, reopen }) => {
      await catalogue.create(entryOf('a'))
      const first = await decisions.add('uid-of-a', finding('x'))
      const second = await decisions.add('uid-of-a', {
        ...finding('y'),
        kind: 'copies',
        decision: 'keep-one',
        keep: 'y',
        label: undefined,
      })
      assert.ok(first.number < second.number)
      await decisions.settle('uid-of-a', first.number)
      const { decisions: later } = await reopen()
      const page = await later.page('uid-of-a', 0, 10)
      assert.deepEqual(
        page.map(({ number, images, keep }) => [number, images[0]!.id, keep]),
        [
          [first.number, 'x', undefined],
          [second.number, 'y', 'y'],
        ],
      )
      assert.deepEqual(page[0], first)
      assert.deepEqual(await later.page('uid-of-a', first.number, 10), page.slice(1))
      assert.deepEqual(
        (await later.unsettled('uid-of-a')).map(({ number }) => number),
        [second.number],
      )
      const third = await later.add('uid-of-a', finding('z'))
      await assert.rejects(later.add('uid-of-a', finding('w')), { code: 'decisions_full' })
      await later.remove('uid-of-a', third.number)
      await later.settle('uid-of-a', second.number)
      assert.deepEqual(await later.unsettled('uid-of-a'), [])
      assert.equal((await later.page('uid-of-a', 0, 10)).length, 2)
    },
  )

  storesTest('decisions are found by the images that they are about', async ({ catalogue, decisions }) => {
    await catalogue.create(entryOf('a'))
    await catalogue.create(entryOf('b'))
    const imageOf = (id: string) => ({ ...finding(id).images[0]!, id })
    const of = (...ids: string[]) => ({ ...finding(''), images: ids.map(imageOf) })
    // that no database can compress
    const longest = Array.from({ length: 512 }, (_, i) => String.fromCodePoint(0x20000 + ((i * 7_919) % 20_000))).join(
      '',
    )
    const added = [of('x', 'y'), of('y', longest), of('z')]
    const numbers: number[] = []
    for (const one of added) numbers.push((await decisions.add('uid-of-a', one)).number)
    await decisions.add('uid-of-b', of('x'))
    const found = async (ids: string[], after = 0, limit = 10) =>
      (await decisions.page('uid-of-a', after, limit, ids)).map(({ number }) => numbers.indexOf(number))
    assert.deepEqual(await found(['x', 'none']), [0])
    assert.deepEqual(await found(['x', 'y']), [0, 1])
    assert.deepEqual([await found(['y'], 0, 1), await found(['y'], numbers[0])], [[0], [1]])
    assert.deepEqual([await found([longest]), await found([])], [[1], []])
    await decisions.remove('uid-of-a', numbers[1]!)
    assert.deepEqual([await found([longest]), await found(['y'])], [[], [0]])
  })

  const about = {
    modelId: '00000000000000aa',
    mark: 'm',
    images: 3,
    method: { pcaDimensions: 2, sampled: 3, neighbours: 1, seed: 1 },
  }

  storesTest('a layout takes the place of the former one as a whole', async ({ catalogue, layouts, reopen }) => {
    await catalogue.create(entryOf('a'))
    assert.equal(await layouts.about('set-of-a'), undefined)
    const pointOf = (id: string, x: number) => ({ id, x, y: -0.5, doubt: x > 0 ? 0.25 : null })
    const points = [pointOf('p', 0), pointOf('q', 0.5), pointOf('r', -1)]
    await layouts.save('set-of-a', about, points)
    const first = (await layouts.about('set-of-a'))!
    assert.deepEqual([first.mark, first.images, first.method], ['m', 3, about.method])
    const page = await layouts.page('set-of-a', 2, { generation: first.generation, position: 0 })
    assert.deepEqual(page.points, points.slice(0, 2))
    assert.deepEqual((await layouts.page('set-of-a', 2, page.next!)).points, points.slice(2))
    const beyond = { generation: first.generation, position: 1e15 - 1 }
    assert.deepEqual((await layouts.page('set-of-a', 2, beyond)).points, [])
    assert.equal((await layouts.page('set-of-a', 2, page.next!)).next, undefined)
    await layouts.save('set-of-a', { ...about, mark: 'n' }, points.slice(0, 1))
    const { layouts: later } = await reopen()
    const second = (await later.about('set-of-a'))!
    assert.deepEqual([second.mark, second.generation > first.generation], ['n', true])
    const place = { generation: second.generation, position: 0 }
    assert.deepEqual(await later.page('set-of-a', 10, place), { points: points.slice(0, 1) })
    assert.deepEqual((await later.page('set-of-a', 10, { ...place, generation: first.generation })).points, [])
  })
}

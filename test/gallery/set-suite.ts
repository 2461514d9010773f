/**
 * The operations in `src/gallery/engine.ts`. Expected search results come from comparing every picture individually.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { nearCopyScore, wordsOf } from '../../src/copies/near-copy-score.js'
import { cosine } from '../../src/cosine.js'
import type { NearestHits, NearestQuery, OpenSet, PageOfImages } from '../../src/gallery/engine.js'
import type { Filter } from '../../src/gallery/filter.js'
import { versionOf } from '../../src/gallery/precondition.js'
import type { ImageStep, ListedImage } from '../../src/gallery/records.js'
import { readWholeGallery } from '../../src/gallery/whole-gallery.js'
import { seededRandom, unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { changedDescriptor, randomDescriptor } from '../support/copy-descriptors.js'
import { model, newImage } from './stored-images.js'
import type { TestedEngine, TestedSet } from './tested-engine.js'

const makeVector = unitVectors({ dimension: model.dimension, seed: 71 })
const vectors = Array.from({ length: 300 }, makeVector)
const queries = Array.from({ length: 6 }, makeVector)
const random = seededRandom(72)
const descriptors = vectors.map(() => randomDescriptor(random))
const images = vectors.map((vector, i) =>
  newImage(`p${String(i).padStart(3, '0')}`, vector, {
    label: i % 5 === 0 ? null : i % 2 === 0 ? 'even' : 'odd',
    metadata: { n: i, tags: [`t${i % 3}`] },
    copyDescriptor: descriptors[i],
  }),
)
type Stored = (typeof images)[number]

/** The exact scan: score descending, then id ascending. */
function trueHits(stored: readonly Stored[], vector: Float32Array): { id: string; score: number }[] {
  return stored
    .map((image) => ({ id: image.id, score: cosine(vector, image.vector) }))
    .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
}

const idsOf = async (hits: NearestHits, count: number) => (await hits.first(count)).map(({ record }) => record.id)
const puts = (stored: readonly Stored[]) => stored.map((put) => ({ put }))

export function setSuite({ openSet }: Pick<TestedEngine, 'openSet'>): void {
  async function filled(t: TestContext): Promise<TestedSet> {
    const tested = await openSet(t)
    await tested.opened.change(puts(images))
    await tested.settled()
    return tested
  }

  test('a picture copied from another set keeps its creation date there, and its own when stored again', async (t) => {
    const { opened } = await openSet(t)
    const createdAt = '2024-02-03T04:05:06.000Z'
    await opened.change([{ put: { ...images[0]!, createdAt } }])
    const created = async () => (await opened.find([images[0]!.id])).map((record) => record.createdAt)
    assert.deepEqual(await created(), [createdAt])
    await opened.change([{ put: { ...images[0]!, contentHash: 'another', createdAt: '2025-01-01T00:00:00.000Z' } }])
    assert.deepEqual(await created(), [createdAt])
  })

  test('a picture is changed only if it has the stated content and label', async (t) => {
    const { opened } = await openSet(t)
    const [, { id, contentHash, label }] = images as [Stored, Stored]
    await opened.change(puts([images[1]!]))
    for (const of of [
      { contentHash: 'another', label },
      { contentHash, label: null },
    ])
      await assert.rejects(opened.patch(id, { label: 'new', of }), { code: 'image_not_found' })
    assert.equal((await opened.find([id]))[0]?.label, label)
    await opened.patch(id, { label: null, of: { contentHash, label } })
    await opened.patch(id, { label: 'new', of: { contentHash, label: null } })
    assert.equal((await opened.find([id]))[0]?.label, 'new')
  })

  test('a conditional step changes only what it is meant for; the others are made', async (t) => {
    const { opened } = await openSet(t)
    const [first, second] = images.slice(1, 3) as [Stored, Stored]
    const noneYet = { noneMatch: 'any' } as const
    const failed = { refused: 'precondition_failed' }
    const steps: ImageStep[] = [
      { put: first, onlyIf: { match: 'any' } },
      { put: first, onlyIf: noneYet },
      { put: { ...first, label: 'again' }, onlyIf: noneYet },
      { put: second },
    ]
    assert.deepEqual(await opened.change(steps), [failed, { created: true }, failed, { created: true }])
    const stored = async () => (await opened.find([first.id]))[0]!
    const record = await stored()
    assert.equal(record.label, first.label)

    const known = { match: ['another', versionOf(record)] }
    const mine = await opened.patch(first.id, { label: 'mine' }, known)
    assert.equal(mine.label, 'mine')
    assert.deepEqual(mine, await stored())
    await assert.rejects(opened.patch(first.id, { label: 'late' }, known), { code: 'precondition_failed' })
    await assert.rejects(opened.patch('none', { label: 'late' }, known), { code: 'image_not_found' })
    await assert.rejects(opened.put({ put: first, onlyIf: known }), { code: 'precondition_failed' })
    assert.deepEqual(await opened.change([{ remove: first.id, onlyIf: known }]), [failed])
    assert.deepEqual(await stored(), mine)

    const now = { match: [versionOf(mine)] }
    const put = await opened.put({ put: { ...first, label: 'put' }, onlyIf: now })
    assert.deepEqual(versionOf(put.record), versionOf(await stored()), 'the answer tells what is stored')
    const onlyIf = { match: [versionOf(put.record)] }
    assert.deepEqual(await opened.change([{ remove: first.id, onlyIf }]), [{ removed: true }])
    assert.deepEqual(await opened.change([{ remove: first.id, onlyIf }]), [{ absent: true }])
  })

  test('each of several changes of a picture at the same time returns what it wrote', async (t) => {
    const { opened } = await openSet(t)
    const { id } = images[1]!
    await opened.change(puts([images[1]!]))
    const labels = ['one', 'two', 'three']
    const patched = await Promise.all(labels.map((label) => opened.patch(id, { label })))
    assert.deepEqual(
      patched.map(({ label }) => label),
      labels,
    )
    const [last] = await Promise.all([opened.patch(id, { label: 'last' }), opened.change([{ remove: id }])])
    assert.equal(last.label, 'last')
  })

  test('a picture is removed only if it has the stated content', async (t) => {
    const { opened } = await openSet(t)
    const [first, second] = images as [Stored, Stored]
    await opened.change(puts([first, second]))
    await opened.change([{ put: { ...second, contentHash: 'another' } }])
    const removal = [first, second].map(({ id, contentHash }) => ({ remove: id, contentHash }))
    assert.deepEqual(await opened.change(removal), [{ removed: true }, { absent: true }])
    assert.deepEqual(
      (await opened.find([first.id, second.id])).map(({ id }) => id),
      [second.id],
    )
    assert.equal((await opened.state()).images, 1)
  })

  test('an exact search finds what a scan finds, with any filter', async (t) => {
    const { opened } = await filled(t)
    const query = descriptors[4]!
    const isCopy = ({ copyDescriptor }: Stored) =>
      nearCopyScore(wordsOf(query)!, 0, wordsOf(copyDescriptor!)!, 0, 0.02) >= 0.02
    const narrowed: [Partial<NearestQuery>, (image: Stored) => boolean][] = [
      [{}, () => true],
      [{ filter: { field: 'label', in: ['odd'] } }, ({ label }) => label === 'odd'],
      [{ filter: { field: 'label', in: [null] } }, ({ label }) => label === null],
      [
        { filter: { not: { field: 'metadata.n', range: { lt: 250 } } } },
        ({ metadata }) => (metadata['n'] as number) >= 250,
      ],
      [{ filter: { field: 'metadata.tags', in: ['t1'] } }, ({ metadata }) => (metadata['n'] as number) % 3 === 1],
      [{ excludeIds: ['p000', 'p001'] }, ({ id }) => id > 'p001'],
      [{ copiesOf: { descriptors: [query], least: 0.02 } }, isCopy],
    ]
    for (const [terms, fits] of narrowed) {
      const candidates = images.filter(fits)
      assert.ok(candidates.length > 0)
      for (const vector of queries) {
        const hits = await opened.nearest({ vector, exact: true, ...terms })
        const expected = trueHits(candidates, vector)
        assert.deepEqual(
          (await hits.first(1_000)).map(({ score, record }) => [record.id, score]),
          expected.map(({ id, score }) => [id, score]),
        )
        assert.equal(hits.method, 'exact')
        if (terms.excludeIds === undefined) assert.equal(hits.compared, candidates.length)
        const [third] = expected.slice(2)
        const best = await opened.nearest({ vector, exact: true, ...terms, minScore: third!.score })
        assert.deepEqual(
          await idsOf(best, 1_000),
          expected.slice(0, 3).map(({ id }) => id),
        )
      }
    }
  })

  test('a list stays the same however it is paged, and includes values of the requested field', async (t) => {
    const { opened } = await filled(t)
    for (const vector of queries) {
      const hits = await opened.nearest({ vector, groupBy: 'label' })
      const few = await idsOf(hits, 5)
      const many = await idsOf(hits, 150)
      assert.deepEqual(many.slice(0, 5), few)
      assert.equal(new Set(many).size, 150)
      assert.deepEqual(await idsOf(await opened.nearest({ vector }), 150), many)
      for (const { record } of await hits.first(20))
        assert.deepEqual(record.groupKeys, record.label === null ? [] : [record.label])
      const seen = await hits.first(10)
      const all = await idsOf(hits, 300)
      const rest = (await (await hits.fitting({ field: 'label', in: ['odd'] }, seen)).first(300)).map(
        ({ record }) => record.id,
      )
      const label = new Map(images.map((image) => [image.id, image.label]))
      assert.deepEqual(
        rest.toSorted(),
        all
          .slice(10)
          .filter((id) => label.get(id) === 'odd')
          .toSorted(),
      )
    }
  })

  test('a kept list shows nothing stored after it was opened, and reports removed pictures', async (t) => {
    const { opened } = await filled(t)
    const vector = vectors[7]!
    const kept = await opened.nearest({ vector, kept: true })
    const [first] = await kept.first(1)
    await opened.change([...puts([newImage('later', vector)]), { remove: first!.record.id }])
    assert.ok(!(await idsOf(kept, 400)).includes('later'))
    const shown = (await kept.first(3)).map(({ record }) => record)
    const now = await opened.current(shown)
    assert.deepEqual(
      now.map((record) => record?.id),
      [undefined, shown[1]!.id, shown[2]!.id],
    )
    const told: string[] = []
    const metadata = await opened.metadata(shown, (text) => void told.push(text))
    assert.deepEqual(metadata.slice(1).toSorted(), told.toSorted())
    assert.equal(metadata[0], undefined)
    assert.ok((await idsOf(await opened.nearest({ vector }), 1)).includes('later'))
  })

  test('steps are done all or none, in order, and repeating them changes nothing more', async (t) => {
    const { opened } = await openSet(t)
    const [a, b] = [newImage('a', vectors[0]!), newImage('b', vectors[1]!)]
    const steps = [{ put: a }, { put: b }, { remove: 'a' }, { remove: 'none' }]
    assert.deepEqual(await opened.change(steps), [
      { created: true },
      { created: true },
      { removed: true },
      { absent: true },
    ])
    assert.deepEqual(await idsOf(await opened.nearest({ vector: vectors[0]! }), 9), ['b'])
    assert.deepEqual(await opened.change([{ put: b, unlessSame: true }]), [{ unchanged: true }])
    await opened.change(steps)
    assert.deepEqual(await idsOf(await opened.nearest({ vector: vectors[0]! }), 9), ['b'])
    assert.equal((await opened.state()).images, 1)
    const { record, created } = await opened.put({ put: newImage('b', vectors[2]!, { label: 'new' }) })
    assert.deepEqual([created, record.label, record.id], [false, 'new', 'b'])
    assert.deepEqual(await opened.vector('b'), vectors[2])
  })

  test('stored data is read back by id, page by page, and by its content', async (t) => {
    const { opened } = await filled(t)
    const one = images[9]!
    const [record] = await opened.find([one.id, 'none'])
    const { vector, thumbnail, copyDescriptor, ...said } = one
    assert.deepEqual({ ...said, ...record }, { ...record, ...said })
    assert.deepEqual(await opened.vector(one.id), vector)
    const stored = await opened.thumbnail(one.id)
    assert.deepEqual([Buffer.from(stored!.bytes!), stored!.contentHash], [thumbnail, one.contentHash])
    assert.deepEqual(Buffer.from((await opened.copies.descriptor(one.id))!), Buffer.from(copyDescriptor!))
    assert.deepEqual((await opened.seen(one))?.vector, vector)
    assert.equal(await opened.seen({ ...one, contentHash: 'another' }), undefined)
    assert.deepEqual([await opened.vector('none'), await opened.thumbnail('none')], [undefined, undefined])

    assert.deepEqual(
      (await pagesOf(opened, { limit: 70, label: 'odd' })).flat(),
      images.filter(({ label }) => label === 'odd').map(({ id }) => id),
    )
    const counts = await opened.labels({ limit: 10 })
    assert.deepEqual(
      counts.map(({ label }) => label),
      [null, 'even', 'odd'],
    )
    assert.equal(
      counts.reduce((sum, { count }) => sum + count, 0),
      images.length,
    )
    assert.deepEqual(await opened.labels({ after: 'even', limit: 10 }), counts.slice(2))
  })

  test('ids and labels are found in any Unicode form', async (t) => {
    const { opened } = await openSet(t)
    const [composed, decomposed] = ['caf\u00e9', 'cafe\u0301']
    const [image, other] = images as [Stored, Stored]
    await opened.change(puts([{ ...image, id: composed, label: composed }, other]))
    for (const form of [composed, decomposed]) {
      assert.deepEqual(
        (await opened.find([form])).map(({ id }) => id),
        [composed],
      )
      assert.deepEqual(await opened.vector(form), image.vector)
      assert.deepEqual((await pagesOf(opened, { label: form })).flat(), [composed])
      const { vector } = image
      for (const field of ['id', 'label'])
        for (const filter of [
          { field, in: [form] },
          { field, range: { gte: form, lt: `${form}0` } },
        ]) {
          assert.deepEqual((await pagesOf(opened, { filter })).flat(), [composed])
          assert.deepEqual(await idsOf(await opened.nearest({ vector, filter }), 9), [composed])
        }
      assert.deepEqual(await idsOf(await opened.nearest({ vector, excludeIds: [form] }), 9), [other.id])
    }
  })

  test('pictures are found, listed, counted and removed by their ids: some, a range, all but some', async (t) => {
    const { opened } = await openSet(t)
    const long = 'x'.repeat(48)
    const ids = [
      'cyclin',
      'cycling',
      'cycling/1',
      'cycling/2',
      'cycling0',
      'run',
      long,
      `${long}a`,
      `${long}b`,
      'é',
      '\uffee',
      '𝒶',
    ]
    const stored = ids.map((id, i) => ({ ...images[i]!, id, metadata: { id: 'run' } }))
    await opened.change(puts(stored))
    const vector = queries[0]!
    const rows: [filter: Filter, ids: string[]][] = [
      [{ field: 'id', in: ['run', 'none', 'cycling', `${long}b`] }, ['cycling', 'run', `${long}b`]],
      [{ field: 'id', in: ['none'] }, []],
      [{ field: 'id', in: [null] }, []],
      [{ field: 'id', range: { gte: 'cycling/', lt: 'cycling0' } }, ['cycling/1', 'cycling/2']],
      [{ field: 'id', range: { gt: 'cycling', lte: 'cycling0' } }, ['cycling/1', 'cycling/2', 'cycling0']],
      [{ field: 'id', range: { gt: long, lt: `${long}b` } }, [`${long}a`]],
      [{ field: 'id', range: { gt: 'x', lt: 'run' } }, []],
      [{ field: 'id', range: { gt: 'é' } }, ['\uffee', '𝒶']],
      [{ field: 'id', exists: true }, ids],
      [{ field: 'id', exists: false }, []],
      [{ not: { field: 'id', range: { gte: 'cycling' } } }, ['cyclin']],
      [
        { and: [{ field: 'id', range: { gte: long } }, { not: { field: 'id', in: ['é', long] } }] },
        [`${long}a`, `${long}b`, '\uffee', '𝒶'],
      ],
      [
        {
          or: [
            { field: 'id', in: ['é'] },
            { field: 'metadata.n', exists: true },
          ],
        },
        ['é'],
      ],
      [{ field: 'metadata.id', in: ['run'] }, ids],
    ]
    for (const [filter, expected] of rows) {
      const told = JSON.stringify(filter)
      assert.equal(await opened.countFitting(filter), expected.length, told)
      assert.deepEqual((await pagesOf(opened, { filter })).flat(), expected, told)
      assert.deepEqual((await pagesOf(opened, { filter, limit: 2 })).flat(), expected, told)
      for (const exact of [true, false])
        assert.deepEqual(
          (await idsOf(await opened.nearest({ vector, exact, filter }), 99)).sort(),
          expected.toSorted(),
          told,
        )
    }
    const listed: Filter = { field: 'id', in: ['run', 'cycling'] }
    await opened.change([{ remove: 'run' }])
    assert.deepEqual(await idsOf(await opened.nearest({ vector, filter: listed }), 99), ['cycling'])
    await opened.change(puts([stored[5]!]))
    assert.equal(await opened.removeFitting(listed), 2)
    assert.equal(await opened.removeFitting({ field: 'id', range: { lt: 'z' } }), 7)
    assert.deepEqual((await pagesOf(opened, {})).flat(), ['é', '\uffee', '𝒶'])
  })

  test("a picture's reference is stored with it, and applies only to its content", async (t) => {
    const { opened } = await openSet(t)
    const [image, other] = images as [Stored, Stored]
    const place = 's3://photos/ä b.jpg'
    const referenceOf = async () => (await opened.find([image.id]))[0]?.reference
    await opened.change([{ put: image }])
    assert.equal(await referenceOf(), undefined)
    const put = (more: Partial<Stored> & { reference?: string }) =>
      opened.change([{ put: { ...image, ...more }, unlessSame: true }])
    assert.deepEqual(await put({ reference: place }), [{ created: false }])
    assert.equal(await referenceOf(), place)
    assert.deepEqual(await put({ reference: place }), [{ unchanged: true }])
    assert.deepEqual(await put({}), [{ unchanged: true }], 'if omitted, it is unchanged')
    await opened.patch(image.id, { label: 'patched' })
    assert.equal(await referenceOf(), place)
    for await (const page of opened.page({ limit: 10 })) assert.equal(page.images[0]!.reference, place)
    const { record } = await opened.put({ put: { ...image, contentHash: other.contentHash } })
    assert.equal(record.reference, undefined, 'other content is stored elsewhere')
  })

  test('pages contain matching pictures, ordered by id, once each', async (t) => {
    const { opened } = await filled(t)
    const narrowed: [Filter, (image: Stored) => boolean][] = [
      [{ field: 'metadata.tags', in: ['t1'] }, ({ metadata }) => (metadata['n'] as number) % 3 === 1],
      [
        {
          and: [
            { field: 'label', in: [null] },
            { field: 'metadata.n', range: { gte: 100 } },
          ],
        },
        (image) => image.label === null && image.id >= 'p100',
      ],
      [{ field: 'metadata.none', exists: true }, () => false],
    ]
    for (const [filter, fits] of narrowed)
      for (const limit of [1, 7, 20, 1_000]) {
        const expected = images.filter(fits).map(({ id }) => id)
        const pages = await pagesOf(opened, { limit, filter })
        assert.deepEqual(pages.flat(), expected)
        assert.ok(pages.every((page) => page.length <= limit))
      }
  })

  test('a list has the embedding of each picture if requested', async (t) => {
    const { opened } = await filled(t)
    const narrowed: [PageOfImages, (image: Stored) => boolean][] = [
      [{}, () => true],
      [{ label: 'odd' }, ({ label }) => label === 'odd'],
      [{ filter: { field: 'metadata.tags', in: ['t1'] } }, ({ metadata }) => (metadata['n'] as number) % 3 === 1],
    ]
    for (const [page, fits] of narrowed) {
      const listed: [string, ListedImage['vector']][] = []
      for await (const slice of opened.page({ ...page, limit: 1_000, vectors: true }))
        listed.push(...slice.images.map(({ id, vector }): [string, ListedImage['vector']] => [id, vector]))
      assert.deepEqual(
        listed,
        images.filter(fits).map(({ id, vector }) => [id, vector]),
      )
      for await (const slice of opened.page(page)) assert.ok(slice.images.every((image) => !('vector' in image)))
    }
  })

  test('a list of long records is read in several turns, as the same list', async (t) => {
    const { opened } = await openSet(t)
    const long = images.slice(0, 60).map((image) => ({ ...image, metadata: { text: 'x'.repeat(15_000) } }))
    await opened.change(puts(long))
    const filter: Filter = { field: 'id', range: { gte: 'p010' } }
    for (const [page, from] of [
      [{}, 0],
      [{ filter }, 10],
    ] as const) {
      const slices: string[][] = []
      for await (const slice of opened.page({ ...page, limit: 1_000 })) slices.push(slice.images.map(({ id }) => id))
      assert.ok(slices.length > 4, `${slices.length} turns`)
      assert.deepEqual(
        slices.flat(),
        long.slice(from).map(({ id }) => id),
      )
    }
  })

  test('fields are listed with their types and values', async (t) => {
    const { opened } = await filled(t)
    const { examined, fields, moreFields } = await opened.fields()
    assert.deepEqual([examined, moreFields], [images.length, false])
    const [label, n, tags] = fields
    assert.deepEqual(
      fields.map(({ name, types, images }) => [name, types, images]),
      [
        ['label', ['text'], 240],
        ['metadata.n', ['number'], 300],
        ['metadata.tags', ['text'], 300],
      ],
    )
    assert.deepEqual(label!.values, [
      { value: 'even', images: 120 },
      { value: 'odd', images: 120 },
    ])
    assert.deepEqual(n!.range, [0, 299])
    assert.deepEqual(
      tags!.values,
      ['t0', 't1', 't2'].map((value) => ({ value, images: 100 })),
    )
    await opened.patch('p003', { metadata: { later: true } })
    assert.ok((await opened.fields()).fields.some(({ name }) => name === 'metadata.later'))
  })

  test('label and metadata change in place; filters see it at once', async (t) => {
    const { opened } = await filled(t)
    const rare = { vector: vectors[3]!, filter: { field: 'label', in: ['rare'] } }
    assert.deepEqual(await idsOf(await opened.nearest(rare), 5), [])
    await opened.patch('p003', { label: 'rare' })
    assert.deepEqual(await idsOf(await opened.nearest(rare), 5), ['p003'])
    assert.deepEqual((await opened.find(['p003']))[0]?.metadata, images[3]!.metadata)
    await assert.rejects(opened.patch('none', { label: null }), { code: 'image_not_found' })
  })

  test('puts, patches and removals are made in order; a patch of nothing affects no other step', async (t) => {
    const { opened } = await openSet(t)
    const [a, b, c] = images.slice(1, 4) as [Stored, Stored, Stored]
    await opened.change(puts([a, b]))
    const label = (id: string, label: string | null) => ({ patch: id, change: { label } })
    const results = await opened.change([
      label(a.id, 'first'),
      { patch: a.id, change: { metadata: { later: true } } },
      label(c.id, 'too early'),
      { put: c },
      label(c.id, 'rare'),
      { remove: b.id },
      label(b.id, 'too late'),
    ])
    assert.deepEqual(results, [
      { patched: true },
      { patched: true },
      { refused: 'image_not_found' },
      { created: true },
      { patched: true },
      { removed: true },
      { refused: 'image_not_found' },
    ])
    assert.deepEqual(
      (await opened.find([a.id, b.id, c.id])).map(({ id, label, metadata }) => [id, label, metadata]),
      [
        [a.id, 'first', { later: true }],
        [c.id, 'rare', c.metadata],
      ],
    )
    assert.deepEqual(await opened.labels({ limit: 9 }), [
      { label: 'first', count: 1 },
      { label: 'rare', count: 1 },
    ])
    const found = async (filter: Filter) => idsOf(await opened.nearest({ vector: c.vector, filter }), 9)
    assert.deepEqual(await found({ field: 'label', in: ['rare'] }), [c.id])
    assert.deepEqual(await found({ field: 'metadata.later', exists: true }), [a.id])
    await opened.change([label(c.id, null), label(a.id, 'rare')])
    assert.deepEqual(await found({ field: 'label', in: ['rare'] }), [a.id])
    assert.deepEqual(await found({ field: 'label', in: [null] }), [c.id])
  })

  test('patches in a change leave everything else about a picture as it was', async (t) => {
    const { opened } = await openSet(t)
    const plain = newImage('plain', vectors[9]!)
    await opened.change(puts([images[1]!, plain]))
    const ids = [images[1]!.id, plain.id]
    const before = await opened.whole(ids)
    const patch = { label: 'patched', metadata: { later: true } }
    await opened.change(ids.map((id) => ({ patch: id, change: patch })))
    const after = await opened.whole(ids)
    assert.deepEqual(
      after.map(({ record: { updatedAt: _, ...record }, ...rest }) => ({ ...rest, record })),
      before.map(({ record: { updatedAt: _, ...record }, ...rest }) => ({ ...rest, record: { ...record, ...patch } })),
    )
    const { images: undescribed } = await opened.copies.undescribed({ limit: 9 })
    assert.deepEqual(
      undescribed.map(({ id }) => id),
      [plain.id],
    )
    assert.deepEqual(await opened.change([{ put: { ...images[1]!, ...patch }, unlessSame: true }]), [
      { unchanged: true },
    ])
  })

  test('matching pictures are counted, as they are now', async (t) => {
    const { opened } = await filled(t)
    const even: Filter = { field: 'label', in: ['even'] }
    const late: Filter = { field: 'metadata.n', range: { gte: 150 } }
    const isLate = ({ metadata }: (typeof images)[number]) => (metadata['n'] as number) >= 150
    const empty: Filter = { field: 'metadata.n', range: { gte: 5, lt: 5 } }
    const rows: [filter: Filter, count: number][] = [
      [empty, 0],
      [{ not: empty }, images.length],
      [even, images.filter(({ label }) => label === 'even').length],
      [late, images.filter(isLate).length],
      [{ and: [even, late] }, images.filter((image) => image.label === 'even' && isLate(image)).length],
      [{ not: late }, images.filter((image) => !isLate(image)).length],
      [{ field: 'label', in: ['none'] }, 0],
    ]
    for (const [filter, count] of rows) assert.equal(await opened.countFitting(filter), count, JSON.stringify(filter))
    const counted = await opened.countFitting(even)
    await opened.patch('p003', { label: 'even' })
    assert.equal(await opened.countFitting(even), counted + 1)
    await opened.change([{ remove: 'p003' }])
    assert.equal(await opened.countFitting(even), counted)
  })

  test('matching pictures are removed, and no longer found', async (t) => {
    const { opened } = await filled(t)
    const left = images.filter(({ label }) => label !== 'even')
    assert.equal(await opened.removeFitting({ field: 'label', in: ['even'] }), images.length - left.length)
    const hits = await opened.nearest({ vector: queries[0]!, exact: true })
    assert.deepEqual(
      await idsOf(hits, 1_000),
      trueHits(left, queries[0]!).map(({ id }) => id),
    )
    assert.deepEqual([(await opened.state()).images, (await opened.state()).size], [left.length, left.length])
  })

  test('vectors are read of hits and of ids, but not of hits that were removed or replaced since', async (t) => {
    const { opened } = await filled(t)
    const hits = (await (await opened.nearest({ vector: queries[1]! })).first(70)).map(({ record }) => record)
    const vectorOf = new Map(images.map(({ id, vector }) => [id, vector]))
    const stored = hits.map(({ id }) => vectorOf.get(id))
    assert.deepEqual(await opened.vectors(hits), stored)
    assert.deepEqual(await opened.vectors([{ id: 'p010' }, { id: 'none' }]), [vectorOf.get('p010'), undefined])
    await opened.change([
      { remove: hits[0]!.id },
      { put: newImage(hits[1]!.id, vectors[0]!, { contentHash: 'other' }) },
    ])
    assert.deepEqual(await opened.vectors(hits), [undefined, undefined, ...stored.slice(2)])
  })

  test('likeness is the cosine of stored vectors, of hits and of ids; removed ones score −1', async (t) => {
    const { opened } = await filled(t)
    const hits = (await (await opened.nearest({ vector: queries[1]! })).first(70)).map(({ record }) => record)
    const vectorOf = new Map(images.map(({ id, vector }) => [id, vector]))
    const between = (a: string, b: string) => Math.fround(cosine(vectorOf.get(a)!, vectorOf.get(b)!))
    const all = await opened.likeness(hits, hits)
    hits.forEach((a, row) =>
      hits.forEach((b, column) => {
        const found = all[row * hits.length + column]!
        assert.ok(Math.abs(found - between(a.id, b.id)) < 1e-6)
        assert.equal(found, all[column * hits.length + row], 'it is mutual')
      }),
    )
    const [row] = [await opened.likeness([{ id: 'p010' }], [{ id: 'p011' }, { id: 'none' }, { id: 'p010' }])]
    assert.ok(Math.abs(row![0]! - between('p010', 'p011')) < 1e-6)
    assert.deepEqual([row![1], row![2]], [-1, 1])
  })

  test('near-copies are found by descriptors; pictures without one are found and described', async (t) => {
    const { opened } = await filled(t)
    const copy = changedDescriptor(descriptors[20]!, 0.1, random)
    await opened.change(
      puts([newImage('copy', vectors[21]!, { copyDescriptor: copy }), newImage('plain', vectors[22]!)]),
    )
    const asked = [{ id: 'copy' }, { id: 'p020' }, { id: 'p021' }, { id: 'plain' }]
    const scores = await opened.copies.scores([descriptors[20]!], asked)
    assert.equal(scores[1], 1)
    assert.ok(scores[0]! > 0.6 && scores[2]! < 0.3)
    assert.ok(Number.isNaN(scores[3]))
    const likeness = await opened.copies.likeness(1, [{ id: 'p021' }, { id: 'p020' }, { id: 'copy' }], 0.4)
    assert.ok(likeness[1]! > 0.6)
    assert.deepEqual([likeness[0], likeness[2]], [0, 0])

    const page = await opened.copies.undescribed({ limit: 10 })
    assert.deepEqual(
      page.images.map(({ id }) => id),
      ['plain'],
    )
    const described = page.images.map((image) => ({ image, descriptor: descriptors[1]! }))
    assert.equal(await opened.copies.describe(described), 1)
    assert.equal(await opened.copies.describe(described), 0, 'it has one by now')
    assert.equal((await opened.copies.undescribed({ limit: 10 })).images.length, 0)
  })

  test('a scan reads everything, and neighbours refer to the numbers of its pages', async (t) => {
    const { opened } = await filled(t)
    const { source, neighbours } = opened.scan()
    const whole = await readWholeGallery(source, { vectors: true, descriptors: true, onPage: () => {} })
    assert.deepEqual(
      whole.ids,
      images.map(({ id }) => id),
    )
    images.forEach(({ vector }, i) =>
      assert.deepEqual(whole.vectors.subarray(i * model.dimension, (i + 1) * model.dimension), vector),
    )
    assert.equal(
      whole.copies.hasFeatures.reduce((sum, has) => sum + has, 0),
      images.length,
    )
    const found = await neighbours({ numbers: whole.numbers.slice(5, 6), k: 4, ef: 300 })
    assert.deepEqual(
      [...found.numbers.subarray(0, 4)].map((number) => whole.ids[whole.numbers.indexOf(number)]),
      trueHits(images, vectors[5]!)
        .slice(1, 5)
        .map(({ id }) => id),
    )
  })

  test('a picture is read as a whole, and storing it elsewhere with its times reproduces it', async (t) => {
    const { opened } = await openSet(t)
    const [descriptor] = descriptors
    const times = { createdAt: '2020-01-02T03:04:05.006Z', updatedAt: '2021-01-02T03:04:05.006Z' }
    const said = {
      label: 'a',
      metadata: { nested: [{ b: 1, a: null }], text: 'ü' },
      copyDescriptor: descriptor,
      ...times,
    }
    const first = newImage('first', vectors[0]!, said)
    const { thumbnail: _, ...second } = newImage('second', vectors[1]!)
    await opened.change([{ put: first }, { put: second }])
    const [whole, bare, ...others] = await opened.whole(['first', 'second', 'none'])
    assert.deepEqual(others, [])
    assert.deepEqual(
      { ...whole, record: whole!.record.metadata },
      {
        ...{ vector: first.vector, width: 640, height: 480, format: 'jpeg', record: said.metadata },
        thumbnail: whole!.thumbnail,
        copyDescriptor: whole!.copyDescriptor,
      },
    )
    assert.deepEqual(
      [whole?.thumbnail, whole?.copyDescriptor].map((bytes) => Buffer.from(bytes!)),
      [first.thumbnail, descriptor].map((bytes) => Buffer.from(bytes!)),
    )
    assert.deepEqual([whole?.record.createdAt, whole?.record.updatedAt], [times.createdAt, times.updatedAt])
    assert.deepEqual([bare?.thumbnail, bare?.copyDescriptor, bare?.vector], [undefined, undefined, second.vector])
    // a picture that was removed and stored again in its source
    await opened.change([{ put: { ...first, createdAt: times.updatedAt } }])
    assert.equal((await opened.find(['first']))[0]?.createdAt, times.updatedAt)
    // a picture that a caller stores for the first time keeps its own times
    const { createdAt: __, updatedAt: ___, ...put } = first
    await opened.change([{ put: { ...put, label: 'b' } }])
    const [now] = await opened.find(['first'])
    assert.equal(now?.createdAt, times.updatedAt)
    assert.ok(now.updatedAt > times.updatedAt)
  })

  test('a set is opened once, and a dropped one accepts nothing', async (t) => {
    const { engine, set, opened } = await filled(t)
    assert.equal(await engine.open(set), opened)
    assert.equal((await opened.state()).images, images.length)
    await drop(engine, set, opened)
  })
}

/** The ids on each page, to the last one. */
async function pagesOf(opened: OpenSet, asked: PageOfImages): Promise<string[][]> {
  const pages: string[][] = []
  let after: string | undefined
  do {
    const ids: string[] = []
    const page = opened.page({ ...asked, after })
    after = undefined
    for await (const slice of page) {
      ids.push(...slice.images.map(({ id }) => id))
      after = slice.next
    }
    pages.push(ids)
  } while (after !== undefined)
  return pages
}

/** Its gallery is still in the catalogue: it can be opened again as an empty one. */
async function drop(engine: TestedSet['engine'], set: TestedSet['set'], opened: OpenSet): Promise<void> {
  await engine.drop(set)
  await assert.rejects(async () => {
    const hits = await opened.nearest({ vector: queries[0]! })
    await hits.first(1)
  })
}

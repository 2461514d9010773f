import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { packed, seededRandom, unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { embeddingOf, listGalleries, model, newImage, putImages, removeImages } from './stored-images.js'
import type { TestedEngine } from './tested-engine.js'

const makeVector = unitVectors({ dimension: model.dimension, seed: 21 })
const vectors = Array.from({ length: 600 }, makeVector)
const labels = ['cycling', 'running', null] as const
const pictures = vectors.map((vector, i) =>
  newImage(`p${String(i).padStart(4, '0')}`, vector, { label: labels[i % 3]!, metadata: { n: i } }),
)

export function gallerySuite(engine: TestedEngine): void {
  test('a gallery is created once, listed, and gone when deleted', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t), { clock: () => new Date('2026-01-02T03:04:05Z') })
    const { gallery, created } = await galleries.create('a', { owner: 'x' })
    assert.equal(created, true)
    assert.deepEqual(await galleries.get('a'), gallery)
    assert.deepEqual(
      { ...gallery, uid: '', setUid: '' },
      {
        name: 'a',
        uid: '',
        setUid: '',
        modelId: model.id,
        dimension: 32,
        settings: { owner: 'x' },
        rules: { originals: 'keep', holdsOriginals: true, keepQueries: 0 },
        count: 0,
        engine: engine.name,
        createdAt: '2026-01-02T03:04:05.000Z',
        updatedAt: '2026-01-02T03:04:05.000Z',
      },
    )
    assert.equal((await galleries.create('a')).created, false)
    assert.equal((await galleries.create('a', { owner: 'x' })).created, false)
    await assert.rejects(galleries.create('a', { owner: 'y' }), { code: 'gallery_exists' })
    await galleries.create('b')
    assert.deepEqual(
      (await listGalleries(galleries)).map(({ name }) => name),
      ['a', 'b'],
    )
    await galleries.delete('a')
    await assert.rejects(galleries.get('a'), { code: 'gallery_not_found' })
    await assert.rejects(galleries.searches.search('a', { vector: vectors[0]!, k: 1 }), { code: 'gallery_not_found' })
    await assert.rejects(galleries.delete('a'), { code: 'gallery_not_found' })
  })

  test('a recreated gallery shows nothing of the old one', async (t) => {
    const place = await engine.newPlace(t)
    const galleries = await engine.open(t, place)
    const first = await galleries.create('a')
    await putImages(galleries.images, 'a', pictures)
    await galleries.delete('a')
    const second = await galleries.create('a')
    assert.notEqual(second.gallery.uid, first.gallery.uid)
    assert.deepEqual((await galleries.searches.search('a', { vector: vectors[0]!, k: 10 })).hits, [])
    assert.deepEqual((await galleries.images.page('a')).images, [])
    await putImages(galleries.images, 'a', pictures.slice(0, 5))
    await galleries.close()
    const reopened = await engine.open(t, place)
    assert.equal((await reopened.get('a')).count, 5)
    assert.equal((await reopened.searches.search('a', { vector: vectors[0]!, k: 10 })).hits.length, 5)
  })

  test('stored data is read back unchanged, and found by the next search', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    const results = await putImages(galleries.images, 'a', pictures)
    assert.deepEqual(results[7], { created: true })
    const record = await galleries.images.get('a', 'p0007')
    assert.deepEqual(record && { ...record, createdAt: '', updatedAt: '' }, {
      id: 'p0007',
      label: 'running',
      metadata: { n: 7 },
      contentHash: pictures[7]!.contentHash,
      modelId: model.id,
      width: 640,
      height: 480,
      format: 'jpeg',
      bytes: 12_345,
      thumbnailBytes: 18,
      createdAt: '',
      updatedAt: '',
    })
    assert.deepEqual(await embeddingOf(galleries, 'a', 'p0007'), vectors[7])
    assert.equal(Buffer.from((await galleries.images.thumbnail('a', 'p0007'))!.bytes!).toString(), 'thumbnail of p0007')
    assert.deepEqual(
      [
        await galleries.images.get('a', 'none'),
        await embeddingOf(galleries, 'a', 'none'),
        await galleries.images.thumbnail('a', 'none'),
      ],
      [undefined, undefined, undefined],
    )
    for (const i of [0, 99, 599]) {
      const { hits } = await galleries.searches.search('a', { vector: vectors[i]!, k: 3 })
      assert.deepEqual([hits[0]?.rank, hits[0]?.record.id], [1, pictures[i]!.id])
    }
    assert.deepEqual(
      (await galleries.images.labels('a')).map(({ label, count }) => [label, count]),
      [
        [null, 200],
        ['cycling', 200],
        ['running', 200],
      ],
    )
  })

  test('an upsert replaces the picture, keeps its creation date, and its old vector is no longer found', async (t) => {
    let now = new Date('2026-01-01T00:00:00Z')
    const galleries = await engine.open(t, await engine.newPlace(t), { clock: () => now })
    await galleries.create('a')
    await putImages(galleries.images, 'a', pictures.slice(0, 200))
    now = new Date('2026-02-01T00:00:00Z')
    const [result] = await putImages(galleries.images, 'a', [{ ...pictures[3]!, vector: vectors[500]!, label: 'new' }])
    assert.deepEqual(result, { created: false })
    const record = (await galleries.images.get('a', 'p0003'))!
    assert.deepEqual(
      [record.createdAt, record.updatedAt, record.label],
      ['2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z', 'new'],
    )
    assert.equal((await galleries.get('a')).count, 200)
    const { hits } = await galleries.searches.search('a', { vector: vectors[3]!, k: 200 })
    assert.equal(hits.filter(({ record: { id } }) => id === 'p0003').length, 1)
    assert.notEqual(hits[0]?.record.id, 'p0003')
    assert.equal((await galleries.searches.search('a', { vector: vectors[500]!, k: 1 })).hits[0]?.record.id, 'p0003')
  })

  test('of the same id twice in one put, the latter wins', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    await putImages(galleries.images, 'a', [newImage('x', vectors[0]!), newImage('x', vectors[1]!)])
    assert.equal((await galleries.get('a')).count, 1)
    const { hits } = await galleries.searches.search('a', { vector: vectors[1]!, k: 5 })
    assert.deepEqual(
      hits.map(({ score, record }) => [record.id, score]),
      [['x', 1]],
    )
  })

  test('label and metadata change in place', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    await putImages(galleries.images, 'a', pictures.slice(0, 3))
    assert.equal(
      (await galleries.searches.search('a', { vector: vectors[0]!, k: 5, filter: { field: 'label', in: ['changed'] } }))
        .hits.length,
      0,
    )
    const record = await galleries.images.patch('a', 'p0001', { label: 'changed' })
    assert.deepEqual([record.label, record.metadata], ['changed', { n: 1 }])
    assert.deepEqual(await galleries.images.get('a', 'p0001'), record)
    await galleries.images.patch('a', 'p0001', { metadata: { deep: [1, { x: null }] } })
    assert.deepEqual((await galleries.images.get('a', 'p0001'))?.metadata, { deep: [1, { x: null }] })
    const { hits } = await galleries.searches.search('a', {
      vector: vectors[0]!,
      k: 5,
      filter: { field: 'label', in: ['changed'] },
    })
    assert.deepEqual(
      hits.map((hit) => hit.record.id),
      ['p0001'],
    )
    await galleries.images.patch('a', 'p0001', { label: null })
    assert.equal(
      (await galleries.searches.search('a', { vector: vectors[0]!, k: 5, filter: { field: 'label', in: ['changed'] } }))
        .hits.length,
      0,
    )
    await assert.rejects(galleries.images.patch('a', 'none', { label: 'x' }), { code: 'image_not_found' })
  })

  test('removed pictures are gone from records and searches', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    await putImages(galleries.images, 'a', pictures)
    const doomed = pictures.filter((_, i) => i % 2 === 0).map(({ id }) => id)
    assert.deepEqual(await removeImages(galleries.images, 'a', [...doomed, 'none']), doomed)
    assert.deepEqual(await removeImages(galleries.images, 'a', doomed), [])
    assert.equal((await galleries.get('a')).count, 300)
    await engine.settled(galleries)
    for (const exact of [true, false]) {
      const { hits } = await galleries.searches.search('a', { vector: vectors[0]!, k: 600, exact })
      assert.equal(hits.length, 300)
      assert.ok(hits.every(({ record }) => !doomed.includes(record.id)))
    }
  })

  test('lists are ordered by id and paged, also for one label', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    await putImages(galleries.images, 'a', pictures.slice(0, 30).toReversed())
    for (const [label, expected] of [
      [undefined, pictures.slice(0, 30)],
      ['cycling', pictures.slice(0, 30).filter((picture) => picture.label === 'cycling')],
      [null, pictures.slice(0, 30).filter((picture) => picture.label === null)],
    ] as const) {
      const ids: string[] = []
      let after: string | undefined
      do {
        const page = await galleries.images.page('a', {
          limit: 7,
          after,
          ...(label !== undefined && { label }),
        })
        assert.ok(page.images.length <= 7)
        ids.push(...page.images.map(({ id }) => id))
        after = page.next
      } while (after !== undefined)
      assert.deepEqual(
        ids,
        expected.map(({ id }) => id),
      )
    }
  })

  test('search pages by offset, cuts by score, filters by label, excludes ids', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    await putImages(galleries.images, 'a', pictures)
    const vector = makeVector()
    const all = (await galleries.searches.search('a', { vector, k: 600, exact: true })).hits
    assert.equal(all.length, 600)
    assert.deepEqual(
      (await galleries.searches.search('a', { vector, k: 10, offset: 20, exact: true })).hits,
      all.slice(20, 30),
    )
    assert.deepEqual((await galleries.searches.search('a', { vector, k: 10, offset: 595 })).hits, all.slice(595))
    const minScore = all[14]!.score
    assert.deepEqual((await galleries.searches.search('a', { vector, k: 600, minScore })).hits, all.slice(0, 15))
    const expected = all
      .filter(({ record }) => record.label !== 'cycling')
      .slice(0, 50)
      .map(({ record }) => record.id)
    const filtered = await galleries.searches.search('a', {
      vector,
      k: 50,
      filter: { field: 'label', in: ['running', null] },
      exact: true,
    })
    assert.deepEqual(
      filtered.hits.map(({ record }) => record.id),
      expected,
    )
    const without = await galleries.searches.search('a', {
      vector,
      k: 3,
      excludeIds: [all[0]!.record.id, all[2]!.record.id],
    })
    assert.deepEqual(
      without.hits.map(({ record }) => record.id),
      [1, 3, 4].map((i) => all[i]!.record.id),
    )
    assert.deepEqual(
      without.hits.map(({ rank }) => rank),
      [1, 2, 3],
    )
  })

  test('equal scores are ordered by id, however many share the last place', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    const random = seededRandom(9)
    const ids = Array.from({ length: 150 }, (_, i) => `same-${String(i).padStart(3, '0')}`)
    await putImages(
      galleries.images,
      'a',
      ids.toSorted(() => random() - 0.5).map((id) => newImage(id, vectors[0]!)),
    )
    await putImages(galleries.images, 'a', pictures.slice(1, 300))
    const { hits } = await galleries.searches.search('a', { vector: vectors[0]!, k: 10, offset: 5 })
    assert.deepEqual(
      hits.map(({ record }) => record.id),
      ids.slice(5, 15),
    )
  })

  test('concurrent writes to the same ids leave database and index consistent', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    const random = seededRandom(4)
    const ids = Array.from({ length: 20 }, (_, i) => `id${i}`)
    const writes: Promise<unknown>[] = []
    for (let i = 0; i < 400; i++) {
      const id = ids[Math.floor(random() * ids.length)]!
      writes.push(
        random() < 0.6
          ? putImages(galleries.images, 'a', [newImage(id, vectors[i]!)])
          : removeImages(galleries.images, 'a', [id]),
      )
      if (random() < 0.1) await nextTurn()
    }
    await Promise.all(writes)
    const stored = (await galleries.images.page('a', { limit: 1_000 })).images
    const { hits } = await galleries.searches.search('a', { vector: vectors[0]!, k: 1_000 })
    assert.deepEqual(hits.map(({ record }) => record.id).sort(), stored.map(({ id }) => id).sort())
    assert.equal((await galleries.get('a')).count, stored.length)
    const [reading] = await galleries.readings.all()
    assert.deepEqual([reading?.images, reading?.size], [stored.length, stored.length])
  })

  test('a search during deletions still returns k hits', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    await putImages(galleries.images, 'a', pictures)
    const near = (await galleries.searches.search('a', { vector: vectors[0]!, k: 300, exact: true })).hits.map(
      ({ record }) => record.id,
    )
    const removals = near.map((id) => removeImages(galleries.images, 'a', [id]))
    for (let i = 0; i < 20; i++) {
      assert.equal((await galleries.searches.search('a', { vector: vectors[0]!, k: 300 })).hits.length, 300)
      await nextTurn()
    }
    await Promise.all(removals)
  })

  test('embeddings of two models are never compared', async (t) => {
    const place = await engine.newPlace(t)
    const galleries = await engine.open(t, place)
    await galleries.create('a')
    await putImages(galleries.images, 'a', pictures.slice(0, 10))
    await assert.rejects(putImages(galleries.images, 'a', [{ ...pictures[0]!, modelId: 'other' }]), {
      code: 'serving_changed',
    })
    await galleries.close()

    const other = await engine.open(t, place, { model: { id: 'other', dimension: 32 } })
    assert.equal((await other.get('a')).count, 10)
    assert.equal((await other.images.page('a')).images.length, 10)
    assert.equal((await other.readings.all())[0]?.searchable, false)
    await assert.rejects(other.searches.search('a', { vector: vectors[0]!, k: 1 }), { code: 'model_mismatch' })
    await assert.rejects(putImages(other.images, 'a', [{ ...pictures[0]!, modelId: 'other' }]), {
      code: 'model_mismatch',
    })
    await assert.rejects(other.create('a'), { code: 'gallery_exists' })
    assert.deepEqual(await other.images.change('a', [{ patch: 'p0001', change: { label: 'late' } }]), [
      { patched: true },
    ])
    assert.deepEqual(await removeImages(other.images, 'a', ['p0000']), ['p0000'])
    await other.close()

    const again = await engine.open(t, place)
    assert.deepEqual((await again.searches.search('a', { vector: vectors[0]!, k: 20 })).hits.length, 9)
  })

  test('a vector that cannot be compared is refused and nothing of its put is stored', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    for (const [vector, code] of [
      [new Float32Array(16), 'dimension_mismatch'],
      [new Float32Array(32), 'request_invalid'],
      [vectors[0]!.map((value, i) => (i === 3 ? NaN : value)), 'request_invalid'],
      [vectors[0]!.map((value) => value * 2), 'request_invalid'],
    ] as const) {
      await assert.rejects(putImages(galleries.images, 'a', [pictures[0]!, newImage('bad', vector)]), { code })
      await assert.rejects(galleries.searches.search('a', { vector, k: 1 }), { code })
    }
    assert.equal((await galleries.get('a')).count, 0)
  })

  test('a vector that is a view of a larger buffer is stored alone', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    const { vectors: batch } = packed(vectors.slice(0, 8))
    await putImages(
      galleries.images,
      'a',
      [0, 1, 2].map((i) => newImage(`b${i}`, batch.subarray(i * 32, (i + 1) * 32))),
    )
    assert.deepEqual(await embeddingOf(galleries, 'a', 'b2'), vectors[2])
  })

  test('an aborted search reads no further records', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    await putImages(galleries.images, 'a', pictures)
    const left = new AbortController()
    const search = galleries.searches.search('a', {
      vector: pictures[0]!.vector,
      k: pictures.length,
      exact: true,
      signal: left.signal,
    })
    left.abort(new Error('left'))
    await assert.rejects(search, /left/)
    assert.equal(
      (
        await galleries.searches.search('a', {
          vector: pictures[0]!.vector,
          k: 5,
          signal: new AbortController().signal,
        })
      ).hits.length,
      5,
    )
  })
}

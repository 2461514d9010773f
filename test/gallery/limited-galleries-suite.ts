/** Galleries with a limit on the number of their pictures. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage, putImages } from './stored-images.js'
import type { TestedEngine } from './tested-engine.js'

const vectors = Array.from({ length: 60 }, unitVectors({ dimension: model.dimension, seed: 5 }))
const pictures = vectors.map((vector, i) => newImage(`p${i}`, vector))
const full = { refused: 'gallery_full' }
const created = { created: true }

export function limitedGalleriesSuite(engine: TestedEngine): void {
  test('new pictures beyond the limit of a gallery are refused one by one, all other changes are made', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    const { gallery } = await galleries.create('a', {}, { maxImages: 3 })
    assert.equal(gallery.rules.maxImages, 3)
    const { images } = galleries
    const count = async () => (await galleries.get('a')).count
    assert.deepEqual(await putImages(images, 'a', pictures.slice(0, 5)), [created, created, created, full, full])
    assert.equal(await count(), 3)
    assert.deepEqual(
      await images.change('a', [
        { put: pictures[6]! },
        { put: { ...pictures[0]!, label: 'again' } },
        { patch: 'p1', change: { label: 'patched' } },
        { remove: 'p2' },
        { put: pictures[7]! },
        { put: pictures[8]! },
        { patch: 'p8', change: { label: 'not there' } },
        { put: { ...pictures[7]!, label: 'once more' } },
      ]),
      [
        full,
        { created: false },
        { patched: true },
        { removed: true },
        created,
        full,
        { refused: 'image_not_found' },
        { created: false },
      ],
    )
    assert.deepEqual(
      (await images.page('a')).images.map(({ id, label }) => [id, label]),
      [
        ['p0', 'again'],
        ['p1', 'patched'],
        ['p7', 'once more'],
      ],
    )
    await assert.rejects(images.putOne('a', { put: pictures[9]! }), { code: 'gallery_full' })
    await assert.rejects(images.expectRoom('a', 'p9'), { code: 'gallery_full' })
    await images.expectRoom('a', 'p7')
    assert.equal((await images.putOne('a', { put: pictures[7]! })).created, false)
    const { hits } = await galleries.searches.search('a', { vector: vectors[9]!, k: 10 })
    assert.deepEqual(hits.map(({ record: { id } }) => id).sort(), ['p0', 'p1', 'p7'])
  })

  test('a limit below the number of stored pictures removes none, and is changed and lifted at any time', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    await putImages(galleries.images, 'a', pictures.slice(0, 5))
    const changed = await galleries.changeRules('a', { maxImages: 2 })
    assert.deepEqual([changed.rules.maxImages, changed.count], [2, 5])
    const steps = [{ remove: 'p0' }, { remove: 'p1' }, { put: pictures[5]! }, { put: pictures[2]! }]
    const removed = { removed: true }
    assert.deepEqual(await galleries.images.change('a', steps), [removed, removed, full, { created: false }])
    await galleries.changeRules('a', { keepQueries: 1 })
    await assert.rejects(galleries.images.putOne('a', { put: pictures[5]! }), { code: 'gallery_full' })
    await galleries.changeRules('a', { maxImages: 4 })
    assert.deepEqual(await putImages(galleries.images, 'a', pictures.slice(5, 7)), [created, full])
    assert.equal((await galleries.changeRules('a', { maxImages: null })).rules.maxImages, undefined)
    assert.equal((await putImages(galleries.images, 'a', pictures.slice(10, 20))).length, 10)
    assert.equal((await galleries.get('a')).count, 14)
    await galleries.changeRules('a', { maxImages: 0 })
    assert.deepEqual(await putImages(galleries.images, 'a', pictures.slice(20, 21)), [full])
  })

  test('however many write at once, a gallery never holds more than its limit', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a', {}, { maxImages: 25 })
    const alone = pictures.slice(0, 30).map((put) => galleries.images.putOne('a', { put }))
    const together = [30, 40, 50].map((from) => putImages(galleries.images, 'a', pictures.slice(from, from + 10)))
    const ones = await Promise.allSettled(alone)
    const groups = (await Promise.all(together)).flat()
    const stored = ones.filter(({ status }) => status === 'fulfilled').length
    const added = groups.filter((result) => 'created' in result).length
    for (const one of ones) if (one.status === 'rejected') assert.equal(one.reason.code, 'gallery_full')
    assert.equal(stored + added, 25)
    assert.equal((await galleries.get('a')).count, 25)
  })

  test('what copies a gallery to its other set is not held to the limit', async (t) => {
    const other = { id: '00000000000000bb', dimension: model.dimension }
    const models = {
      standard: model,
      has: () => true,
      get: (name: string) => (name === other.id ? other : model),
    }
    const galleries = await engine.open(t, await engine.newPlace(t), { models })
    await galleries.create('a')
    await putImages(galleries.images, 'a', pictures.slice(0, 4))
    await galleries.changeRules('a', { maxImages: 2 })
    const set = await galleries.sets.add('a', other.id, {})
    const steps = pictures.slice(0, 4).map((put) => ({ put: { ...put, modelId: other.id } }))
    assert.deepEqual(await galleries.sets.changeImages(set, steps), [created, created, created, created])
  })

  test('the limit is kept with the gallery, and no PUT changes it', async (t) => {
    const place = await engine.newPlace(t)
    const first = await engine.open(t, place)
    await first.create('a', {}, { maxImages: 3 })
    await putImages(first.images, 'a', pictures.slice(0, 3))
    await first.close()
    const galleries = await engine.open(t, place)
    assert.equal((await galleries.get('a')).rules.maxImages, 3)
    assert.equal((await galleries.readings.all())[0]?.maxImages, 3)
    assert.deepEqual(await putImages(galleries.images, 'a', pictures.slice(3, 4)), [full])
    for (const maxImages of [4, null]) {
      const again = galleries.create('a', {}, { maxImages })
      await assert.rejects(again, { code: 'gallery_exists', message: /changed by PATCH/ }, `${maxImages}`)
    }
    for (const options of [{}, { maxImages: 3 }])
      assert.equal((await galleries.create('a', {}, options)).gallery.rules.maxImages, 3)
  })
}

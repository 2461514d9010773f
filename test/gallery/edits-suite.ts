import assert from 'node:assert/strict'
import { test } from 'node:test'
import { editFitting, editImage } from '../../src/gallery/edited-images.js'
import { readFilter } from '../../src/gallery/filter.js'
import type { ImageRecord } from '../../src/gallery/records.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage } from './stored-images.js'
import type { TestedEngine } from './tested-engine.js'

const vectors = Array.from({ length: 600 }, unitVectors({ dimension: model.dimension, seed: 8 }))
const pictures = vectors.map((vector, i) =>
  newImage(`p${String(i).padStart(4, '0')}`, vector, { label: i % 3 === 0 ? null : 'old', metadata: { n: i } }),
)
const old = readFilter({ field: 'label', equals: 'old' })
const counted = ({ metadata }: ImageRecord) => ({
  metadata: { ...metadata, times: Number(metadata['times'] ?? 0) + 1 },
})

export function editsSuite(engine: TestedEngine): void {
  test('matching pictures are changed in several groups, the others stay, and it lasts', async (t) => {
    const place = await engine.newPlace(t)
    const galleries = await engine.open(t, place)
    await galleries.create('a')
    await galleries.images.put('a', pictures)
    const edit = { gallery: 'a', filter: old, changeOf: () => ({ label: 'new' }) }
    assert.equal(await editFitting(galleries.images, edit), 400)
    assert.equal(await editFitting(galleries.images, edit), 0, 'none matches any more')
    await galleries.close()
    const reopened = await engine.open(t, place)
    assert.deepEqual(await reopened.images.labels('a'), [
      { label: null, count: 200 },
      { label: 'new', count: 400 },
    ])
  })

  test('what is changed in between is read again: it gets both changes, or none if it no longer matches', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    await galleries.images.put('a', pictures.slice(0, 10))
    const overtaken: Parameters<typeof editFitting>[0] = {
      page: async (...asked) => {
        const page = await galleries.images.page(...asked)
        await galleries.images.patch('a', 'p0001', { metadata: { n: 1, kept: true } })
        await galleries.images.patch('a', 'p0002', { label: 'other' })
        await galleries.images.removeOne('a', 'p0004')
        return page
      },
      find: (...asked) => galleries.images.find(...asked),
      change: (...asked) => galleries.images.change(...asked),
    }
    assert.equal(await editFitting(overtaken, { gallery: 'a', filter: old, changeOf: counted }), 4)
    const now = await galleries.images.find('a', ['p0000', 'p0001', 'p0002', 'p0004', 'p0005'])
    assert.deepEqual(
      now.map(({ metadata }) => metadata),
      [{ n: 0 }, { n: 1, kept: true, times: 1 }, { n: 2 }, { n: 5, times: 1 }],
    )
  })

  test('of concurrent changes to one picture none is lost, and its condition holds for each', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    await galleries.images.put('a', pictures.slice(0, 1))
    const edit = { gallery: 'a', id: 'p0000', onlyIf: undefined, changeOf: counted }
    await Promise.all(Array.from({ length: 8 }, () => editImage(galleries.images, edit)))
    assert.deepEqual((await galleries.images.get('a', 'p0000'))!.metadata, { n: 0, times: 8 })

    const outdated = { ...edit, onlyIf: { match: ['0'.repeat(32)] } }
    await assert.rejects(editImage(galleries.images, outdated), { code: 'precondition_failed' })
    await assert.rejects(editImage(galleries.images, { ...edit, id: 'none' }), { code: 'image_not_found' })
    await assert.rejects(editImage(galleries.images, { ...edit, changeOf: () => undefined }), { code: 'image_damaged' })
  })

  test('a change whose caller has left stops, and pictures that others keep changing are reported', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    await galleries.images.put('a', pictures.slice(0, 2))
    const edit = { gallery: 'a', filter: old, changeOf: counted }
    await assert.rejects(editFitting(galleries.images, { ...edit, signal: AbortSignal.abort() }), {
      name: 'AbortError',
    })
    const restless: Parameters<typeof editFitting>[0] = {
      page: (...asked) => galleries.images.page(...asked),
      find: (...asked) => galleries.images.find(...asked),
      change: async (gallery, steps) => {
        await galleries.images.change(gallery, [{ patch: 'p0001', change: { metadata: { at: Math.random() } } }])
        return galleries.images.change(gallery, steps)
      },
    }
    await assert.rejects(editFitting(restless, edit), { code: 'overloaded' })
  })
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFilter } from '../../src/gallery/filter.js'
import { changeFitting } from '../../src/gallery/fitting-changes.js'
import type { Metadata } from '../../src/gallery/records.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage } from './stored-images.js'
import type { TestedEngine } from './tested-engine.js'

const vectors = Array.from({ length: 600 }, unitVectors({ dimension: model.dimension, seed: 8 }))
const pictures = vectors.map((vector, i) =>
  newImage(`p${String(i).padStart(4, '0')}`, vector, { label: i % 3 === 0 ? null : 'old', metadata: { n: i } }),
)
const filter = readFilter({ field: 'label', equals: 'old' })
const merging = (members: Metadata, maxBytes?: number) => ({ merge: { members, maxBytes } })

export function fittingChangesSuite(engine: TestedEngine): void {
  test('matching pictures are changed in several groups, the others stay, and it lasts', async (t) => {
    const place = await engine.newPlace(t)
    const galleries = await engine.open(t, place)
    await galleries.create('a')
    await galleries.images.put('a', pictures)
    const asked = { gallery: 'a', filter, change: { label: 'new' } }
    assert.equal(await changeFitting(galleries.images, asked), 400)
    assert.equal(await changeFitting(galleries.images, asked), 0, 'none matches any more')
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
    const overtaken: Parameters<typeof changeFitting>[0] = {
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
    const asked = { gallery: 'a', filter, change: merging({ seen: true }) }
    assert.equal(await changeFitting(overtaken, asked), 4)
    const now = await galleries.images.find('a', ['p0000', 'p0001', 'p0002', 'p0004', 'p0005'])
    assert.deepEqual(
      now.map(({ metadata }) => metadata),
      [{ n: 0 }, { n: 1, kept: true, seen: true }, { n: 2 }, { n: 5, seen: true }],
    )
  })

  test('of members that are merged at the same time none is lost, and what would become too large is refused', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    const { images } = galleries
    await galleries.create('a')
    await images.put('a', pictures.slice(0, 3))
    const merge = (members: Metadata, maxBytes?: number) => images.patch('a', 'p0001', merging(members, maxBytes))
    await Promise.all(Array.from({ length: 8 }, (_, i) => merge({ [`m${i}`]: { i } })))
    const { metadata } = await merge({ m0: { more: [null] }, n: null })
    assert.deepEqual([Object.keys(metadata).length, metadata['m0']], [8, { i: 0, more: [null] }])

    await assert.rejects(merge({ x: 'x'.repeat(100) }, 150), { code: 'metadata_too_large' })
    const many = Object.fromEntries(Array.from({ length: 93 }, (_, i) => [`x${i}`, i]))
    await assert.rejects(merge(many), { code: 'metadata_too_large' })
    const steps = ['p0000', 'p0001', 'none'].map((patch) => ({ patch, change: merging({ y: 'y'.repeat(60) }, 100) }))
    assert.deepEqual(await images.change('a', steps), [
      { patched: true },
      { refused: 'metadata_too_large' },
      { refused: 'image_not_found' },
    ])
    assert.deepEqual((await images.get('a', 'p0001'))!.metadata, metadata)

    const asked = { gallery: 'a', filter: readFilter({ field: 'id', exists: true }), change: steps[0]!.change }
    await assert.rejects(changeFitting(images, asked), { code: 'metadata_too_large', message: /of p0001/ })
    assert.ok('y' in (await images.get('a', 'p0002'))!.metadata, 'the others are changed')
  })

  test('a change whose caller has left stops, and pictures that others keep changing are reported', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    await galleries.images.put('a', pictures.slice(0, 2))
    const asked = { gallery: 'a', filter, change: { label: 'new' } }
    await assert.rejects(changeFitting(galleries.images, { ...asked, signal: AbortSignal.abort() }), {
      name: 'AbortError',
    })
    const restless: Parameters<typeof changeFitting>[0] = {
      page: (...asked) => galleries.images.page(...asked),
      find: (...asked) => galleries.images.find(...asked),
      change: async (gallery, steps) => {
        await galleries.images.change(gallery, [{ patch: 'p0001', change: { metadata: { at: Math.random() } } }])
        return galleries.images.change(gallery, steps)
      },
    }
    await assert.rejects(changeFitting(restless, asked), { code: 'overloaded' })
  })
}

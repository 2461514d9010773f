import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFilter } from '../../src/gallery/filter.js'
import type { Metadata } from '../../src/gallery/metadata.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage, putImages } from './stored-images.js'
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
    await putImages(galleries.images, 'a', pictures)
    const asked = { filter, change: { label: 'new' } }
    assert.equal(await galleries.images.changeFitting('a', asked), 400)
    assert.equal(await galleries.images.changeFitting('a', asked), 0, 'none matches any more')
    await galleries.close()
    const reopened = await engine.open(t, place)
    assert.deepEqual(await reopened.images.labels('a'), [
      { label: null, count: 200 },
      { label: 'new', count: 400 },
    ])
  })

  test('what is changed in between gets both changes, or none if it no longer matches', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    const { images } = galleries
    await galleries.create('a')
    await putImages(images, 'a', pictures.slice(0, 10))
    const page = images.page.bind(images)
    t.mock.method(images, 'page', async (...asked: Parameters<typeof page>) => {
      const read = await page(...asked)
      await images.patch('a', 'p0001', { metadata: { n: 1, kept: true } })
      await images.patch('a', 'p0002', { label: 'other' })
      await images.removeOne('a', 'p0004')
      return read
    })
    assert.equal(await images.changeFitting('a', { filter, change: merging({ seen: true }) }), 4)
    const now = await images.find('a', ['p0000', 'p0001', 'p0002', 'p0004', 'p0005'])
    assert.deepEqual(
      now.map(({ metadata }) => metadata),
      [{ n: 0 }, { n: 1, kept: true, seen: true }, { n: 2 }, { n: 5, seen: true }],
    )
  })

  test('of ninety changes to one picture at the same time none is refused or lost, among them changes of many', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    const { images } = galleries
    await galleries.create('a')
    await putImages(images, 'a', pictures.slice(0, 3))
    const names = Array.from({ length: 45 }, (_, i) => `m${i}`)
    await Promise.all([
      ...names.map((name) => images.patch('a', 'p0001', merging({ [name]: 1 }))),
      ...names.map((name) => images.changeFitting('a', { filter, change: merging({ [`all ${name}`]: 1 }) })),
    ])
    const [first, second] = await images.find('a', ['p0001', 'p0002'])
    assert.deepEqual([Object.keys(first!.metadata).length, Object.keys(second!.metadata).length], [91, 46])
  })

  test('of members that are merged at the same time none is lost, and what would become too large is refused', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    const { images } = galleries
    await galleries.create('a')
    await putImages(images, 'a', pictures.slice(0, 3))
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

    const asked = { filter: readFilter({ field: 'id', exists: true }), change: steps[0]!.change }
    await assert.rejects(images.changeFitting('a', asked), { code: 'metadata_too_large', message: /of p0001/ })
    assert.ok('y' in (await images.get('a', 'p0002'))!.metadata, 'the others are changed')
  })

  test('a change of many whose caller has left stops, and does not go on in another gallery of the name', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    const { images } = galleries
    await galleries.create('a')
    await putImages(images, 'a', pictures.slice(0, 2))
    const asked = { filter, change: { label: 'new' } }
    await assert.rejects(images.changeFitting('a', { ...asked, signal: AbortSignal.abort() }), { name: 'AbortError' })
    const page = images.page.bind(images)
    t.mock.method(images, 'page', async (...asked: Parameters<typeof page>) => {
      const read = await page(...asked)
      await galleries.delete('a')
      await galleries.create('a')
      await putImages(images, 'a', pictures.slice(0, 2))
      return read
    })
    await assert.rejects(images.changeFitting('a', asked), { code: 'gallery_not_found' })
    assert.equal((await images.get('a', 'p0001'))!.label, 'old')
  })
}

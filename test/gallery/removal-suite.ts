import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFilter } from '../../src/gallery/filter.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage, putImages } from './stored-images.js'
import type { TestedEngine } from './tested-engine.js'

const vectors = Array.from({ length: 700 }, unitVectors({ dimension: model.dimension, seed: 4 }))
const pictures = vectors.map((vector, i) =>
  newImage(`p${String(i).padStart(4, '0')}`, vector, {
    label: i % 7 === 0 ? null : i % 2 === 0 ? 'even' : 'odd',
    metadata: { n: i },
  }),
)

export function removalSuite(engine: TestedEngine): void {
  test('matching pictures are removed in several transactions, no longer found, and stay removed', async (t) => {
    const place = await engine.newPlace(t)
    const galleries = await engine.open(t, place)
    await galleries.create('a')
    await putImages(galleries.images, 'a', pictures)
    const filter = readFilter({
      or: [
        { field: 'label', equals: 'even' },
        { field: 'metadata.n', gte: 400 },
      ],
    })
    const kept = pictures
      .filter(({ label, metadata }) => label !== 'even' && (metadata['n'] as number) < 400)
      .map(({ id }) => id)

    assert.equal(await galleries.images.removeFitting('a', filter), pictures.length - kept.length)
    assert.equal((await galleries.get('a')).count, kept.length)
    const { hits } = await galleries.searches.search('a', { vector: vectors[2]!, k: 700 })
    assert.deepEqual(hits.map(({ record }) => record.id).sort(), kept)
    assert.equal(await galleries.images.removeFitting('a', filter), 0, 'nothing that matches is left')

    await galleries.close()
    const reopened = await engine.open(t, place)
    assert.deepEqual(
      (await reopened.images.page('a', { limit: 1000 })).images.map(({ id }) => id),
      kept,
    )
  })

  test('a picture changed so that it no longer matches the filter stays', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    await putImages(galleries.images, 'a', pictures.slice(0, 600))
    const filter = readFilter({ field: 'metadata.n', gte: 0 })
    // both run concurrently: the change is committed before the removal's last group, which contains its picture
    const removing = galleries.images.removeFitting('a', filter)
    await galleries.images.patch('a', 'p0599', { metadata: {} })
    assert.equal(await removing, 599)
    assert.deepEqual(
      (await galleries.images.page('a')).images.map(({ id }) => id),
      ['p0599'],
    )
  })

  test('a removal whose caller has left stops between two groups', async (t) => {
    const galleries = await engine.open(t, await engine.newPlace(t))
    await galleries.create('a')
    await putImages(galleries.images, 'a', pictures)
    const left = new AbortController()
    left.abort()
    await assert.rejects(
      galleries.images.removeFitting('a', readFilter({ field: 'label', exists: true }), left.signal),
      {
        name: 'AbortError',
      },
    )
    assert.equal((await galleries.get('a')).count, pictures.length)
  })
}

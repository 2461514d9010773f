/** A gallery that was recreated under the name of a deleted one gets nothing from the jobs of that one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { openEmbedded } from '../../src/engines/embedded/embedded-engine.js'
import { openGalleries } from '../../src/gallery/galleries.js'
import { dataFolder } from '../engines/embedded/storage-folder.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { onlyModel } from './only-model.js'
import { model, newImage, putImages } from './stored-images.js'

const makeVector = unitVectors({ dimension: model.dimension, seed: 11 })

test('where pictures are stored before the progress of their job, a step of the former gallery changes nothing', async (t) => {
  const embedded = await openEmbedded({ dataDir: await dataFolder(t), logger: pino({ level: 'silent' }) })
  const { catalogue, jobs, feedback, decisions, layouts } = embedded
  const galleries = await openGalleries({
    ...{ catalogue, feedback, decisions, layouts },
    engines: { embedded },
    engineOfNew: 'embedded',
    progress: { committedBy: [], advance: (progress, stored) => jobs.advance(progress, stored) },
    models: onlyModel(model),
  })
  t.after(() => galleries.close())
  await galleries.create('a')
  const { galleryUid } = await galleries.sets.serving('a')
  await jobs.create({ id: 'j', gallery: 'a', source: null })
  await jobs.transition('j', { from: ['queued'], to: 'running' })
  const step = (from: number) => ({ jobId: 'j', galleryUid, from, position: from + 1 })
  await galleries.images.change('a', [{ put: newImage('p', makeVector()) }], step(0))
  await galleries.delete('a')
  await galleries.create('a')
  await putImages(galleries.images, 'a', [newImage('p', makeVector(), { label: 'of the new gallery' })])

  const late = [{ put: newImage('q', makeVector()) }, { remove: 'p' }]
  await assert.rejects(galleries.images.change('a', late, step(1)), { code: 'gallery_not_found' })
  const { images } = await galleries.images.page('a')
  assert.deepEqual(
    images.map(({ id, label }) => [id, label]),
    [['p', 'of the new gallery']],
  )
  assert.equal((await jobs.get('j'))?.position, 1)
})

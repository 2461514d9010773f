/** Jobs in the embedded engine's database: the common contract, and consistency with the pictures of their steps. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { openEmbedded } from '../../../src/engines/embedded/embedded-engine.js'
import type { JobProgress } from '../../../src/gallery/job-progress.js'
import { model, newImage, putImages } from '../../gallery/stored-images.js'
import { jobStoreSuite } from '../../jobs/job-store-suite.js'
import { jobsOf } from './embedded-galleries.js'
import { dataFolder, openIn } from './storage-folder.js'
import { unitVectors } from './vector-index/unit-vectors.js'

jobStoreSuite({
  newPlace: dataFolder,
  async open(t, dataDir, { clock } = {}) {
    const engine = await openEmbedded({ dataDir, clock, logger: pino({ level: 'silent' }) })
    t.after(() => engine.close())
    return engine
  },
})

const vectors = Array.from({ length: 20 }, unitVectors({ dimension: model.dimension, seed: 8 }))
const picture = (i: number) => newImage(`p${i}`, vectors[i]!)

test('pictures and progress are stored together or not at all', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  const jobs = jobsOf(galleries)
  await galleries.create('a')
  await putImages(galleries.images, 'a', [picture(0)])
  await jobs.create({ id: 'j', gallery: 'a', source: null })
  const progress: JobProgress = {
    jobId: 'j',
    position: 5,
    skipped: 1,
    errors: [{ item: 3, name: 'c.jpg', code: 'image_unreadable', detail: 'cut off' }],
  }
  await assert.rejects(
    putImages(galleries.images, 'a', [picture(1)], progress),
    { code: 'job_finished' },
    'it is not running',
  )
  assert.equal(await galleries.images.get('a', 'p1'), undefined)

  await jobs.transition('j', { from: ['queued'], to: 'running' })
  await putImages(galleries.images, 'a', [picture(0), picture(1), picture(2)], progress)
  const job = (await jobs.get('j'))!
  assert.deepEqual([job.position, job.done, job.added, job.updated, job.skipped, job.failed], [5, 5, 2, 1, 1, 1])
  await jobs.advance({ jobId: 'j', position: 6, errors: [{ item: 5, name: 'f.jpg', code: 'image_empty', detail: '' }] })
  assert.deepEqual(
    (await jobs.errors('j')).map(({ item, name }) => [item, name]),
    [
      [3, 'c.jpg'],
      [5, 'f.jpg'],
    ],
  )
  assert.deepEqual((await jobs.errors('j', { fromItem: 4 })).length, 1)

  await jobs.transition('j', { from: ['running'], to: 'cancelled' })
  await assert.rejects(putImages(galleries.images, 'a', [picture(9)], { jobId: 'j', position: 9 }), {
    code: 'job_finished',
  })
  await assert.rejects(jobs.advance({ jobId: 'j', position: 9 }), { code: 'job_finished' })
  assert.deepEqual([await galleries.images.get('a', 'p9'), (await jobs.get('j'))?.position], [undefined, 6])
})

test('puts and removals of one step happen in order, are counted, and are visible to searches', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  const jobs = jobsOf(galleries)
  await galleries.create('a')
  await putImages(galleries.images, 'a', [picture(0), picture(1)])
  await jobs.create({ id: 'j', gallery: 'a', source: null })
  await jobs.transition('j', { from: ['queued'], to: 'running' })
  const results = await galleries.images.change(
    'a',
    [
      { remove: 'p0' },
      { put: picture(0) },
      { put: picture(2) },
      { remove: 'p2' },
      { remove: 'p1' },
      { remove: 'p1' },
      { put: picture(3) },
    ],
    { jobId: 'j', position: 7 },
  )
  assert.deepEqual(results, [
    { removed: true },
    { created: true },
    { created: true },
    { removed: true },
    { removed: true },
    { absent: true },
    { created: true },
  ])
  const job = (await jobs.get('j'))!
  assert.deepEqual([job.position, job.done, job.added, job.updated, job.removed, job.skipped], [7, 7, 3, 0, 3, 1])
  assert.equal((await galleries.get('a')).count, 2)
  for (const n of [0, 1, 2, 3]) {
    const { hits } = await galleries.searches.search('a', { vector: vectors[n]!, k: 5 })
    assert.equal(
      hits.some(({ record }) => record.id === `p${n}`),
      n === 0 || n === 3,
      `p${n}`,
    )
  }
  await assert.rejects(
    galleries.images.change('a', [{ remove: 'p0' }, { remove: 'p3' }], { jobId: 'none', position: 1 }),
    {
      code: 'job_not_found',
    },
  )
  assert.equal((await galleries.get('a')).count, 2, 'all or none')
})

test('a job stores nothing in a new gallery that has the name of its own', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  const jobs = jobsOf(galleries)
  await galleries.create('a')
  await jobs.create({ id: 'j', gallery: 'a', source: null })
  await jobs.transition('j', { from: ['queued'], to: 'running' })
  await galleries.delete('a')
  await assert.rejects(jobs.advance({ jobId: 'j', position: 1, skipped: 1 }), { code: 'gallery_not_found' })
  await galleries.create('a')
  await assert.rejects(putImages(galleries.images, 'a', [picture(0)], { jobId: 'j', position: 1 }), {
    code: 'gallery_not_found',
  })
  await assert.rejects(jobs.advance({ jobId: 'j', position: 1, skipped: 1 }), { code: 'gallery_not_found' })
  assert.deepEqual(
    [(await galleries.get('a')).count, await galleries.images.get('a', 'p0'), (await jobs.get('j'))?.position],
    [0, undefined, 0],
  )
})

test('the deletion of old jobs waits while the queue of writes is full', async (t) => {
  const galleries = await openIn(t, await dataFolder(t), { storage: { writeQueueMax: 1 } })
  const jobs = jobsOf(galleries)
  await galleries.create('a')
  await jobs.create({ id: 'j', gallery: 'a', source: null })
  await jobs.transition('j', { from: ['queued'], to: 'cancelled' })
  const change = galleries.changeRules('a', { originals: 'keep' }) // takes the only place at once
  assert.equal(await jobs.forget('9999'), 1)
  await change
})

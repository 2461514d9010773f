import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobProgress } from '../../../src/gallery/jobs.js'
import { model, newImage } from '../../gallery/stored-images.js'
import { dataFolder, openIn } from './storage-folder.js'
import { unitVectors } from './vector-index/unit-vectors.js'

const vectors = Array.from({ length: 20 }, unitVectors({ dimension: model.dimension, seed: 8 }))
const picture = (i: number) => newImage(`p${i}`, vectors[i]!)

test('a job lives through its states, and its dates say so', async (t) => {
  let now = new Date('2026-01-01T00:00:00Z')
  const galleries = await openIn(t, await dataFolder(t), { clock: () => now })
  await galleries.create('a')
  const { jobs } = galleries
  const { job, created } = await jobs.create({ id: 'j1', gallery: 'a', source: { kind: 'files', names: ['x'] } })
  assert.equal(created, true)
  assert.deepEqual([job.state, job.done, job.total, job.startedAt, job.finishedAt], ['queued', 0, null, null, null])
  now = new Date('2026-01-01T00:01:00Z')
  await jobs.transition('j1', { from: ['queued'], to: 'running', total: 7 })
  now = new Date('2026-01-01T00:02:00Z')
  const ended = await jobs.transition('j1', {
    from: ['running'],
    to: 'failed',
    failure: { code: 'archive_unreadable', detail: 'x' },
  })
  assert.deepEqual(ended, jobs.get('j1'))
  assert.deepEqual(
    [ended.state, ended.total, ended.startedAt, ended.finishedAt, ended.failure?.code, ended.source],
    [
      'failed',
      7,
      '2026-01-01T00:01:00.000Z',
      '2026-01-01T00:02:00.000Z',
      'archive_unreadable',
      { kind: 'files', names: ['x'] },
    ],
  )
  await assert.rejects(jobs.transition('j1', { from: ['queued', 'running'], to: 'cancelled' }), {
    code: 'job_finished',
  })
  await assert.rejects(jobs.transition('none', { from: ['queued'], to: 'running' }), { code: 'job_not_found' })
  await assert.rejects(jobs.create({ id: 'j2', gallery: 'none', source: null }), { code: 'gallery_not_found' })
})

test('pictures and progress are stored together or not at all', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  const { jobs } = galleries
  await galleries.create('a')
  await galleries.put('a', [picture(0)])
  await jobs.create({ id: 'j', gallery: 'a', source: null })
  const progress: JobProgress = {
    jobId: 'j',
    position: 5,
    skipped: 1,
    errors: [{ item: 3, name: 'c.jpg', code: 'image_unreadable', detail: 'cut off' }],
  }
  await assert.rejects(galleries.put('a', [picture(1)], progress), { code: 'job_finished' }, 'it is not running')
  assert.equal(await galleries.image('a', 'p1'), undefined)

  await jobs.transition('j', { from: ['queued'], to: 'running' })
  await galleries.put('a', [picture(0), picture(1), picture(2)], progress)
  const job = jobs.get('j')!
  assert.deepEqual([job.position, job.done, job.added, job.updated, job.skipped, job.failed], [5, 5, 2, 1, 1, 1])
  await jobs.advance({ jobId: 'j', position: 6, errors: [{ item: 5, name: 'f.jpg', code: 'image_empty', detail: '' }] })
  assert.deepEqual(
    jobs.errors('j').map(({ item, name }) => [item, name]),
    [
      [3, 'c.jpg'],
      [5, 'f.jpg'],
    ],
  )
  assert.deepEqual(jobs.errors('j', { fromItem: 4 }).length, 1)

  await jobs.transition('j', { from: ['running'], to: 'cancelled' })
  await assert.rejects(galleries.put('a', [picture(9)], { jobId: 'j', position: 9 }), { code: 'job_finished' })
  await assert.rejects(jobs.advance({ jobId: 'j', position: 9 }), { code: 'job_finished' })
  assert.deepEqual([await galleries.image('a', 'p9'), jobs.get('j')?.position], [undefined, 6])
})

test('puts and removals of one step happen in their order, are counted, and are found out by search', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  const { jobs } = galleries
  await galleries.create('a')
  await galleries.put('a', [picture(0), picture(1)])
  await jobs.create({ id: 'j', gallery: 'a', source: null })
  await jobs.transition('j', { from: ['queued'], to: 'running' })
  const results = await galleries.change(
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
  const job = jobs.get('j')!
  assert.deepEqual([job.position, job.done, job.added, job.updated, job.removed, job.skipped], [7, 7, 3, 0, 3, 1])
  assert.equal((await galleries.get('a')).count, 2)
  for (const n of [0, 1, 2, 3]) {
    const { hits } = await galleries.search('a', { vector: vectors[n]!, k: 5 })
    assert.equal(
      hits.some(({ record }) => record.id === `p${n}`),
      n === 0 || n === 3,
      `p${n}`,
    )
  }
  await assert.rejects(galleries.change('a', [{ remove: 'p0' }, { remove: 'p3' }], { jobId: 'none', position: 1 }), {
    code: 'job_not_found',
  })
  assert.equal((await galleries.get('a')).count, 2, 'all or none')
})

test('a job stores nothing in a gallery that was made anew under the name of its own', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  const { jobs } = galleries
  await galleries.create('a')
  await jobs.create({ id: 'j', gallery: 'a', source: null })
  await jobs.transition('j', { from: ['queued'], to: 'running' })
  await galleries.delete('a')
  await assert.rejects(jobs.advance({ jobId: 'j', position: 1, skipped: 1 }), { code: 'gallery_not_found' })
  await galleries.create('a')
  await assert.rejects(galleries.put('a', [picture(0)], { jobId: 'j', position: 1 }), { code: 'gallery_not_found' })
  await assert.rejects(jobs.advance({ jobId: 'j', position: 1, skipped: 1 }), { code: 'gallery_not_found' })
  assert.deepEqual(
    [(await galleries.get('a')).count, await galleries.image('a', 'p0'), jobs.get('j')?.position],
    [0, undefined, 0],
  )
})

test('jobs and their progress survive closing and opening', async (t) => {
  const dataDir = await dataFolder(t)
  const first = await openIn(t, dataDir)
  await first.create('a')
  await first.jobs.create({ id: 'j', gallery: 'a', source: { n: 1 }, total: 10 })
  await first.jobs.transition('j', { from: ['queued'], to: 'running' })
  await first.put('a', [picture(0)], { jobId: 'j', position: 1 })
  const before = first.jobs.get('j')
  await first.close()
  const second = await openIn(t, dataDir)
  assert.deepEqual(second.jobs.get('j'), before)
  assert.deepEqual(
    second.jobs.list({ states: ['queued', 'running'] }).map(({ id }) => id),
    ['j'],
  )
})

test('an idempotency key names one job of a gallery', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  await galleries.create('b')
  const { jobs } = galleries
  const first = await jobs.create({ id: 'j1', gallery: 'a', source: 1, idempotencyKey: 'k' })
  const second = await jobs.create({ id: 'j2', gallery: 'a', source: 2, idempotencyKey: 'k' })
  assert.deepEqual([second.created, second.job], [false, first.job])
  assert.equal((await jobs.create({ id: 'j3', gallery: 'b', source: 3, idempotencyKey: 'k' })).created, true)
  assert.equal((await jobs.create({ id: 'j4', gallery: 'a', source: 4 })).created, true)
  assert.equal((await jobs.create({ id: 'j5', gallery: 'a', source: 5 })).created, true)
  assert.deepEqual(
    jobs.list().map(({ id }) => id),
    ['j5', 'j4', 'j3', 'j1'],
  )
  assert.deepEqual(
    jobs.list({ gallery: 'b' }).map(({ id }) => id),
    ['j3'],
  )
  assert.deepEqual(
    jobs.list({ limit: 2 }).map(({ id }) => id),
    ['j5', 'j4'],
  )
})

test('ended jobs can be forgotten with their errors; others stay', async (t) => {
  let now = new Date('2026-01-01T00:00:00Z')
  const galleries = await openIn(t, await dataFolder(t), { clock: () => now })
  const { jobs } = galleries
  await galleries.create('a')
  for (const id of ['old', 'new', 'open']) {
    await jobs.create({ id, gallery: 'a', source: null })
    await jobs.transition(id, { from: ['queued'], to: 'running' })
    await jobs.advance({ jobId: id, position: 1, errors: [{ item: 0, name: 'x', code: 'image_empty', detail: '' }] })
  }
  await jobs.transition('old', { from: ['running'], to: 'succeeded' })
  now = new Date('2026-03-01T00:00:00Z')
  await jobs.transition('new', { from: ['running'], to: 'succeeded' })
  assert.equal(await jobs.forget('2026-02-01T00:00:00.000Z'), 1)
  assert.deepEqual(
    jobs.list().map(({ id }) => id),
    ['open', 'new'],
  )
  assert.deepEqual(jobs.errors('old'), [])
  assert.equal(jobs.errors('new').length, 1)
})

test('a job of another kind ends together with its result, which survives and is forgotten with it', async (t) => {
  const dataDir = await dataFolder(t)
  const galleries = await openIn(t, dataDir)
  const { jobs } = galleries
  await galleries.create('a')
  await jobs.create({ id: 'in', gallery: 'a', source: null })
  await jobs.create({ id: 'look', kind: 'doctor', gallery: 'a', source: { k: 10 } })
  assert.deepEqual(
    jobs.list({ kinds: ['doctor'] }).map(({ id }) => id),
    ['look'],
  )
  assert.deepEqual(
    jobs.list({ kinds: ['ingest'] }).map(({ id, kind }) => [id, kind]),
    [['in', 'ingest']],
  )
  await assert.rejects(jobs.finish('look', { total: 7, result: '{}' }), { code: 'job_finished' }, 'it is not running')
  await jobs.transition('look', { from: ['queued'], to: 'running' })
  assert.equal(jobs.result('look'), undefined)
  const ended = await jobs.finish('look', { total: 7, result: '{"hubs":3}' })
  assert.deepEqual([ended.kind, ended.state, ended.done, ended.total], ['doctor', 'succeeded', 7, 7])
  await galleries.close()

  const second = await openIn(t, dataDir)
  assert.deepEqual(second.jobs.get('look'), ended)
  assert.equal(second.jobs.result('look'), '{"hubs":3}')
  assert.equal(second.jobs.result('in'), undefined)
  assert.equal(await second.jobs.forget('9999'), 1)
  assert.equal(second.jobs.result('look'), undefined)
})

test('no result is stored for a gallery that was made anew under the same name', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  await galleries.create('a')
  await galleries.jobs.create({ id: 'j', kind: 'evaluate', gallery: 'a', source: null })
  await galleries.jobs.transition('j', { from: ['queued'], to: 'running' })
  await galleries.delete('a')
  await galleries.create('a')
  await assert.rejects(galleries.jobs.finish('j', { total: 1, result: '{}' }), { code: 'gallery_not_found' })
  assert.deepEqual([galleries.jobs.get('j')?.state, galleries.jobs.result('j')], ['running', undefined])
})

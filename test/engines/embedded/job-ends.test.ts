import assert from 'node:assert/strict'
import { test } from 'node:test'
import { model, newImage } from '../../gallery/stored-images.js'
import { dataFolder, openIn } from './storage-folder.js'
import { unitVectors } from './vector-index/unit-vectors.js'

const makeVector = unitVectors({ dimension: model.dimension, seed: 8 })
const failure = (item: number) => ({ item, name: `${item}`, code: 'image_empty', detail: 'd' })

for (const [what, { stored, skipped, failed }, state] of [
  ['a job without items', { stored: 0, skipped: 0, failed: 0 }, 'succeeded'],
  ['one that stored all', { stored: 3, skipped: 0, failed: 0 }, 'succeeded'],
  ['one that had nothing to do', { stored: 0, skipped: 3, failed: 0 }, 'succeeded'],
  ['one that stored some', { stored: 1, skipped: 0, failed: 2 }, 'completed_with_errors'],
  ['one with failures beside what is stored already', { stored: 0, skipped: 1, failed: 1 }, 'completed_with_errors'],
  ['one whose every item failed', { stored: 0, skipped: 0, failed: 3 }, 'failed'],
] as const) {
  test(`${what} ends as ${state}`, async (t) => {
    const dataDir = await dataFolder(t)
    const galleries = await openIn(t, dataDir)
    const { jobs } = galleries
    await galleries.create('a')
    await jobs.create({ id: 'j', gallery: 'a', source: null })
    await assert.rejects(jobs.complete('j', 0), { code: 'job_finished' }, 'it has not begun')
    await jobs.transition('j', { from: ['queued'], to: 'running' })
    const total = stored + skipped + failed
    const progress = {
      jobId: 'j',
      position: total,
      skipped,
      errors: Array.from({ length: failed }, (_, i) => failure(i)),
    }
    if (stored > 0)
      await galleries.put(
        'a',
        Array.from({ length: stored }, (_, i) => newImage(`p${i}`, makeVector())),
        progress,
      )
    else await jobs.advance(progress)
    const ended = await jobs.complete('j', total)
    assert.deepEqual(
      [ended.state, ended.total, ended.failure?.code, ended.finishedAt !== null],
      [state, total, state === 'failed' ? 'job_items_failed' : undefined, true],
    )
    assert.deepEqual(
      jobs.list({ states: [state] }).map(({ id }) => id),
      ['j'],
    )
    await assert.rejects(jobs.transition('j', { from: ['queued', 'running'], to: 'cancelled' }), {
      code: 'job_finished',
    })
    await galleries.close()
    assert.equal((await openIn(t, dataDir)).jobs.get('j')?.state, state)
  })
}

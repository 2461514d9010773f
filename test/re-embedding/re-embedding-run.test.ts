import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import type { ImageEmbedder } from '../../src/embedding/image-embedder.js'
import type { JobProgress } from '../../src/gallery/job-progress.js'
import { ReEmbeddingRun } from '../../src/re-embedding/re-embedding-run.js'
import { SetMirrors } from '../../src/re-embedding/set-mirrors.js'
import { engineOf } from '../engines/embedded/embedded-galleries.js'
import { dataFolder, openIn } from '../engines/embedded/storage-folder.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage } from '../gallery/stored-images.js'

const makeVector = unitVectors({ dimension: model.dimension, seed: 13 })

test('pictures stored during a job that cannot be embedded again are each a line of its report', async (t) => {
  const galleries = await openIn(t, await dataFolder(t))
  const { catalogue, jobs } = engineOf(galleries)
  await galleries.create('a')
  const { galleryUid, dimension } = await galleries.sets.serving('a')
  const uid = randomBytes(8).toString('hex')
  await catalogue.addSet({ uid, galleryUid, engine: 'embedded', modelId: 'other', dimension, about: {} })
  const changed = galleries.writes.follow('a', uid)
  const nothing = {} as ImageEmbedder // none gets that far
  const { mirror } = await new SetMirrors({ galleries, images: nothing, concurrency: 4 }).of('a', uid)

  await jobs.create({ id: 'j', kind: 're-embedding', gallery: 'a', source: null })
  const job = await jobs.transition('j', { from: ['queued'], to: 'running' })
  let isFirst = true
  const advance = async (progress: JobProgress) => {
    // everything has been examined, and what was changed meanwhile is yet to be applied
    if (isFirst) await galleries.images.put('a', [newImage('one', makeVector()), newImage('two', makeVector())])
    isFirst = false
    await jobs.advance(progress)
  }
  const { signal } = new AbortController()
  const lock = { isHeld: async () => true }
  const options = {
    mirror,
    changed,
    lock,
    signal,
    advance,
    withoutOriginal: 'fail',
    ratePerSecond: 0,
    total: 0,
  } as const
  await assert.rejects(new ReEmbeddingRun(job, options).run(), { code: 'originals_missing' })
  assert.deepEqual(
    (await jobs.errors('j')).map(({ name, code }) => [name, code]),
    [
      ['one', 'original_not_kept'],
      ['two', 'original_not_kept'],
    ],
  )
})

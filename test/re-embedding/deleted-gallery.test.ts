/** A gallery that is deleted during a job on one of its sets, and created again under the same name. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Galleries } from '../../src/gallery/galleries.js'
import type { JobRecord } from '../../src/jobs/job.js'
import type { JobControl, JobRunner } from '../../src/jobs/job-runner.js'
import { MoveRunner } from '../../src/re-embedding/move-runner.js'
import { ReEmbeddingRunner } from '../../src/re-embedding/re-embedding-runner.js'
import { SetExclusion } from '../../src/re-embedding/set-exclusion.js'
import { SetFollowers } from '../../src/re-embedding/set-followers.js'
import { SetMirrors } from '../../src/re-embedding/set-mirrors.js'
import { engineOf } from '../engines/embedded/embedded-galleries.js'
import { dataFolder, openIn } from '../engines/embedded/storage-folder.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { newEntry } from '../gallery/new-entry.js'
import { model, newImage, putImages } from '../gallery/stored-images.js'

const makeVector = unitVectors({ dimension: model.dimension, seed: 19 })
const logger = { info() {}, warn() {}, error() {} }

/** Another set of the gallery, of the same model. */
async function addSet(galleries: Galleries): Promise<string> {
  const { galleryUid, modelId, dimension } = await galleries.sets.serving('a')
  const uid = newEntry().uid
  await engineOf(galleries).catalogue.addSet({ uid, galleryUid, engine: 'embedded', modelId, dimension, about: {} })
  return uid
}

type Parts = ConstructorParameters<typeof MoveRunner>[0] & ConstructorParameters<typeof ReEmbeddingRunner>[0]
const runners: Record<string, (parts: Parts) => JobRunner> = {
  're-embedding': (parts) => new ReEmbeddingRunner(parts),
  move: (parts) => new MoveRunner(parts),
}

for (const [kind, runner] of Object.entries(runners))
  test(`a gallery created under the name of one that is deleted during a ${kind} job loses no changes`, async (t) => {
    const galleries = await openIn(t, await dataFolder(t))
    await galleries.create('a')
    const setUid = await addSet(galleries)
    await galleries.sets.change(setUid, { stage: 'kept' })
    const mirrors = new SetMirrors({ galleries, images: {} as never, concurrency: 1 })
    const followers = await SetFollowers.open({ galleries, mirrors, logger })
    t.after(() => followers.close())
    const parts = { galleries, mirrors, followers, exclusion: new SetExclusion(galleries.writes), logger, onEnd() {} }
    const job = { gallery: 'a', position: 0, source: { setUid, ratePerSecond: 0 } } as unknown as JobRecord
    const expect = async () => {
      await galleries.delete('a')
      await galleries.create('a')
    }
    const control = { signal: new AbortController().signal, expect, advance: async () => {}, report() {} }
    await assert.rejects(
      runner({ ...parts, jobsMax: 1, setKeptDays: 1, gateQueries: 1 } as unknown as Parts).run(
        job,
        control as unknown as JobControl,
      ),
      { code: 'set_not_found' },
    )

    const changed = galleries.writes.follow('a', await addSet(galleries))
    for (const id of ['p', 'q']) {
      await putImages(galleries.images, 'a', [newImage(id, makeVector())])
      await new Promise((resolve) => setTimeout(resolve, 20)) // a follower would see it
    }
    assert.deepEqual([followers.galleries, (await changed.take(10)).ids], [[], ['p', 'q']])
  })

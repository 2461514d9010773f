/** A gallery with a limit that two processes write to: a server without transactions cannot keep it exactly. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { openWeaviate } from '../../../src/engines/weaviate/weaviate-engine.js'
import { newUid } from '../../../src/gallery/catalogue.js'
import type { EmbeddingSet } from '../../../src/gallery/engine.js'
import { model, newImage } from '../../gallery/stored-images.js'
import { sharedWeaviate, skipWithoutWeaviate as skip } from '../../support/weaviate-server.js'
import { unitVectors } from '../embedded/vector-index/unit-vectors.js'
import { layout } from './weaviate-galleries.js'

const vectorOf = unitVectors({ dimension: model.dimension, seed: 8 })
const maxImages = 30
const groupSize = 48

async function openBy(t: TestContext, set: EmbeddingSet, isFirst: boolean) {
  const { settings: server } = await sharedWeaviate()
  const engine = await openWeaviate({ server, layout, logger: pino({ level: 'silent' }) })
  t.after(() => engine.close())
  if (isFirst) await engine.prepare(set, {}, false)
  return engine.open(set)
}

test('two processes exceed a limit by at most one group of the other, and then add nothing more', {
  skip,
}, async (t) => {
  const uid = newUid()
  const set: EmbeddingSet = { uid, galleryUid: uid, modelId: model.id, dimension: model.dimension, state: 'ready' }
  const processes = [await openBy(t, set, true), await openBy(t, set, false)]
  const stepsOf = (prefix: string) =>
    Array.from({ length: groupSize }, (_, i) => ({ put: newImage(`${prefix}${i}`, vectorOf()) }))
  const results = await Promise.all(processes.map((opened, i) => opened.change(stepsOf(`${i}-`), { maxImages })))
  const added = results.flat().filter((result) => 'created' in result).length
  const { images } = await processes[0]!.state()
  assert.equal(images, added)
  t.diagnostic(`${added - maxImages} more than ${maxImages}`)
  assert.ok(added >= maxImages && added <= maxImages + groupSize, `${added}`)
  for (const [i, opened] of processes.entries()) {
    const [result] = await opened.change(stepsOf(`later ${i}-`).slice(0, 1), { maxImages })
    assert.deepEqual(result, { refused: 'gallery_full' })
  }
})

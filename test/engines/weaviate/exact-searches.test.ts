/** Which searches claim to be exact. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { openWeaviate, type WeaviateOptions } from '../../../src/engines/weaviate/weaviate-engine.js'
import type { EmbeddingSet, OpenSet } from '../../../src/gallery/engine.js'
import type { Filter } from '../../../src/gallery/filter.js'
import { model, newImage } from '../../gallery/stored-images.js'
import { sharedWeaviate, skipWithoutWeaviate } from '../../support/weaviate-server.js'
import { unitVectors } from '../embedded/vector-index/unit-vectors.js'
import { layout } from './weaviate-galleries.js'

const newVector = unitVectors({ dimension: model.dimension, seed: 11 })

/** By one process, whose new collections have this tuning. */
async function opened(t: TestContext, set: EmbeddingSet, tuning?: WeaviateOptions['tuning']): Promise<OpenSet> {
  const { settings: server } = await sharedWeaviate()
  const engine = await openWeaviate({ server, layout, tuning, logger: pino({ level: 'silent' }) })
  t.after(() => engine.close())
  await engine.prepare(set, {}, false)
  return engine.open(set)
}

test('a search is exact if the collection says so, whoever has made it', {
  skip: skipWithoutWeaviate,
}, async (t) => {
  const uid = randomBytes(8).toString('hex')
  const set: EmbeddingSet = { uid, galleryUid: uid, modelId: model.id, dimension: model.dimension, state: 'ready' }
  const maker = await opened(t, set, { exactBelow: 100 })
  const label = (i: number) => (i % 2 === 0 ? 'even' : 'odd')
  await maker.change(
    Array.from({ length: 150 }, (_, i) => ({ put: newImage(`p${i}`, newVector(), { label: label(i) }) })),
  )
  const other = await opened(t, set)
  for (const set of [maker, other]) {
    assert.equal((await set.nearest({ vector: newVector() })).method, 'hnsw')
    const filter: Filter = { field: 'label', in: ['odd'] }
    assert.equal((await set.nearest({ vector: newVector(), filter })).method, 'exact')
  }
})

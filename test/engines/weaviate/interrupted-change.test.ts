/** A process that dies in the middle of a change has stored pictures that no search finds: another one makes them findable. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { ImageCollection } from '../../../src/engines/weaviate/image-collection.js'
import { uuidOf } from '../../../src/engines/weaviate/image-object.js'
import { openWeaviate } from '../../../src/engines/weaviate/weaviate-engine.js'
import { WeaviateServer } from '../../../src/engines/weaviate/weaviate-server.js'
import { tuningDefaults, type WeaviateSettings } from '../../../src/engines/weaviate/weaviate-settings.js'
import { model, newImage } from '../../gallery/stored-images.js'
import { cuttingProxy } from '../../support/cutting-proxy.js'
import { until } from '../../support/until.js'
import { sharedWeaviate, skipWithoutWeaviate } from '../../support/weaviate-server.js'
import { unitVectors } from '../embedded/vector-index/unit-vectors.js'
import { layout } from './weaviate-galleries.js'

const logger = pino({ level: 'silent' })
const uid = '00000000000000b1'
const set = { uid, galleryUid: uid, modelId: model.id, dimension: model.dimension, state: 'ready' } as const
const perChange = 128
/** On a busy machine many changes end before they are cut off, or store nothing. */
const roundsMax = 30

const newVector = unitVectors({ dimension: model.dimension, seed: 43 })
const vectors = new Map<string, Float32Array>()

function stepsOf(round: number) {
  return Array.from({ length: perChange }, (_, i) => {
    const id = `r${round}-${i}`
    vectors.set(id, newVector())
    return { put: newImage(id, vectors.get(id)!) }
  })
}

test('what an interrupted change has stored is found by searches once it is made findable', {
  skip: skipWithoutWeaviate,
}, async (t) => {
  const { settings } = await sharedWeaviate()
  // watches the nodes: the end of the other process is no reason for a repair of graphs
  const engine = await openWeaviate({ server: settings, layout, logger })
  t.after(() => engine.close())
  await engine.prepare(set, {}, false)
  const opened = await engine.open(set)
  await opened.change(stepsOf(-1))
  const connection = new WeaviateServer(settings)
  t.after(() => connection.close())
  const collection = new ImageCollection(connection, `Alike_${uid}`, { layout, tuning: tuningDefaults })
  const missing = async (ids: readonly string[]) => {
    const stored = await collection.ofIds(ids.map(uuidOf), { properties: ['stamp'] })
    const lost: string[] = []
    for (const id of ids) {
      if (!stored.has(uuidOf(id))) continue
      const [nearest] = await collection.near(vectors.get(id)!, { limit: 1, properties: ['imageId'] })
      if (nearest?.properties.imageId !== id) lost.push(id)
    }
    return lost
  }

  /** @returns ids of the change */
  const interrupted = async (round: number, through: WeaviateSettings, cut: () => void) => {
    const other = await openWeaviate({ server: through, layout, logger })
    const steps = stepsOf(round)
    const ids = steps.map(({ put: { id } }) => id)
    let ended = false
    const change = (await other.open(set)).change(steps).then(
      () => (ended = true),
      () => (ended = true),
    )
    const url = `${settings.url}/v1/objects/Alike_${uid}/${uuidOf(ids[0]!)}`
    await until(async () => ended || (await fetch(url, { method: 'HEAD' })).ok, 'a stored picture')
    cut()
    await change
    await other.close()
    return ids
  }

  let round = 0
  /** @returns ids of a change, some of them stored and not found */
  const halfDone = async () => {
    for (; round < roundsMax; round++) {
      const proxy = await cuttingProxy(t, settings.url)
      const ids = await interrupted(round, { ...settings, url: proxy.url, timeoutMs: 2_000 }, () => proxy.leave())
      const lost = await missing(ids)
      t.diagnostic(`${lost.length} pictures were stored and not found`)
      if (lost.length > 0) return ids
    }
    throw new Error('each change was complete, or had stored nothing')
  }
  for (const isTold of [true, false]) {
    const ids = await halfDone()
    await opened.makeFindable!(isTold ? [...ids, 'none'] : undefined)
    assert.deepEqual(await missing(ids), [], isTold ? 'those named' : 'those stored last')
    round++
  }
})

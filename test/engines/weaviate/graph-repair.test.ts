/** A server killed in the middle of a change has pictures that its graph does not: they are entered again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { ImageCollection } from '../../../src/engines/weaviate/image-collection.js'
import { uuidOf } from '../../../src/engines/weaviate/image-object.js'
import { openWeaviate } from '../../../src/engines/weaviate/weaviate-engine.js'
import { WeaviateServer } from '../../../src/engines/weaviate/weaviate-server.js'
import { tuningDefaults } from '../../../src/engines/weaviate/weaviate-settings.js'
import type { OpenSet } from '../../../src/gallery/engine.js'
import { model, newImage } from '../../gallery/stored-images.js'
import { until } from '../../support/until.js'
import { skipWithoutWeaviate, startWeaviate } from '../../support/weaviate-server.js'
import { unitVectors } from '../embedded/vector-index/unit-vectors.js'
import { layout } from './weaviate-galleries.js'

const logger = pino({ level: 'silent' })
const uid = '00000000000000b0'
const set = { uid, galleryUid: uid, modelId: model.id, dimension: model.dimension, state: 'ready' } as const
/** Searches use the graph from the first picture on. */
const tuning = { exactBelow: 1 }
const perChange = 256
const roundsMax = 6

const newVector = unitVectors({ dimension: model.dimension, seed: 41 })
const vectors = new Map<string, Float32Array>()

function stepsOf(round: number) {
  return Array.from({ length: perChange }, (_, i) => {
    const id = `r${round}-${i}`
    vectors.set(id, newVector())
    return { put: newImage(id, vectors.get(id)!) }
  })
}

async function isFound(opened: OpenSet, id: string): Promise<boolean> {
  const hits = await opened.nearest({ vector: vectors.get(id)! })
  return (await hits.first(1))[0]?.record.id === id
}

test('pictures that a killed server stored and did not enter into its graph are found again, by a process that starts later, too', {
  skip: skipWithoutWeaviate,
}, async (t) => {
  const server = await startWeaviate()
  t.after(() => server.kill())
  const connection = new WeaviateServer(server.settings)
  t.after(() => connection.close())
  const collection = new ImageCollection(connection, `Alike_${uid}`, layout, tuningDefaults)
  /** Stored, and not found by the server itself. */
  const missing = async (among: readonly string[]) => {
    const ids: string[] = []
    for (const { properties } of (await collection.ofIds(among.map(uuidOf), { properties: ['imageId'] })).values()) {
      const id = properties.imageId!
      const [nearest] = await collection.near(vectors.get(id)!, { limit: 1, properties: ['imageId'] })
      if (nearest?.properties.imageId !== id) ids.push(id)
    }
    return ids
  }

  /** Killed in the middle of a change, and the process that made it ends, too. */
  const killed = async (round: number) => {
    const engine = await openWeaviate({ server: server.settings, layout, tuning, logger })
    await engine.prepare(set, {}, round > 0)
    const opened = await engine.open(set)
    if (round === 0) await opened.change(stepsOf(-1))
    const steps = stepsOf(round)
    const change = opened.change(steps).catch(() => {})
    const url = `${server.settings.url}/v1/objects/Alike_${uid}/${uuidOf(steps[150 - 20 * round]!.put.id)}`
    await until(async () => (await fetch(url, { method: 'HEAD' }).catch(() => undefined))?.ok, 'half of the change')
    await server.kill()
    await change
    await engine.close()
    await server.start()
    return missing(steps.map(({ put: { id } }) => id))
  }

  let lost: string[] = []
  for (let round = 0; round < roundsMax && lost.length < 2; round++) lost = await killed(round)
  assert.ok(lost.length >= 2, 'no change was half done when the server was killed')
  t.diagnostic(`${lost.length} pictures were stored and not found`)

  let repaired = 0
  const onRepair = (images: number) => {
    repaired += images
  }
  const engine = await openWeaviate({ server: server.settings, layout, tuning, logger, onRepair })
  t.after(() => engine.close())
  const opened = await engine.open(set)
  const again = lost.pop()!
  await opened.change([{ put: newImage(again, vectors.get(again)!) }])
  assert.ok(await isFound(opened, again), 'repeating the write adds it at once')
  await until(async () => (await missing(lost)).length === 0, 'all that is stored being found', 120_000)
  assert.ok(repaired >= lost.length, `${repaired} entered again`)
  for (const id of lost) assert.ok(await isFound(opened, id), id)
})

/** A node killed in the middle of changes finds everything by itself once it is back: `npm run test:chaos -- --graphs`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { ImageCollection } from '../../src/engines/weaviate/image-collection.js'
import { uuidOf } from '../../src/engines/weaviate/image-object.js'
import { openWeaviate } from '../../src/engines/weaviate/weaviate-engine.js'
import { WeaviateServer } from '../../src/engines/weaviate/weaviate-server.js'
import { tuningDefaults, type WeaviateSettings } from '../../src/engines/weaviate/weaviate-settings.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage } from '../gallery/stored-images.js'
import { until } from '../support/until.js'
import { skipWithoutWeaviate } from '../support/weaviate-server.js'
import { pause } from './alike-stack.js'
import { startNodes } from './weaviate-nodes.js'

const layout = { shards: 3, replicas: 3, quantisation: 'rq8' } as const
const uid = '00000000000000c0'
const set = { uid, galleryUid: uid, modelId: model.id, dimension: model.dimension, state: 'ready' } as const
const filled = Number(process.env.CHAOS_PICTURES ?? 2_400)
const perChange = 24
/** While the node is away. */
const removals = 50
const awayMs = 15_000
const atOnce = 6

test('a node killed in the middle of changes finds everything by itself once it is back', {
  skip: skipWithoutWeaviate,
}, async (t) => {
  const { nodes, environment } = await startNodes(3)
  const server = (url: string, grpcAddress: string): WeaviateSettings => {
    return { url, grpcAddress, apiKey: '', consistency: 'quorum', timeoutMs: 20_000 }
  }
  let repaired = 0
  const engine = await openWeaviate({
    server: server(environment.WEAVIATE_URL, environment.WEAVIATE_GRPC),
    layout,
    logger: pino({ level: 'warn' }),
    onRepair: (images) => {
      repaired += images
    },
  })
  t.after(() => engine.close())
  await engine.prepare(set, {}, false)
  const opened = await engine.open(set)
  const newVector = unitVectors({ dimension: model.dimension, seed: 4, clusters: 100 })
  const vectors = new Map<string, Float32Array>()
  let written = 0
  const writeUntil = async (isOver: () => boolean) => {
    while (!isOver()) {
      const images = Array.from({ length: perChange }, () => newImage(`p${written++}`, newVector()))
      const change = images.map((image) => ({ put: image }))
      for (const { id, vector } of images) vectors.set(id, vector)
      await opened.change(change)
    }
  }
  await writeUntil(() => vectors.size >= filled)
  let isOver = false
  const writing = writeUntil(() => isOver)
  await until(() => vectors.size >= filled + 10 * perChange, 'changes under way')
  await nodes[0]!.kill()
  const atKill = vectors.size
  const removed = [...vectors.keys()].slice(0, removals)
  await opened.change(removed.map((id) => ({ remove: id })))
  for (const id of removed) vectors.delete(id)
  await pause(awayMs)
  await nodes[0]!.start()
  isOver = true
  await writing

  for (const [n, { url, grpcAddress }] of nodes.entries()) {
    const connection = new WeaviateServer(server(url, grpcAddress))
    t.after(() => connection.close())
    const collection = new ImageCollection(connection, `Alike_${uid}`, { layout, tuning: tuningDefaults })
    const isFound = async (id: string) => {
      const [nearest] = await collection.near(vectors.get(id)!, { limit: 1, properties: ['imageId'] })
      return nearest?.properties.imageId === id
    }
    let waiting = [...vectors.keys()]
    const look = async () => {
      const missing: string[] = []
      const asked = waiting.values()
      const search = async () => {
        for (const id of asked) if (!(await isFound(id).catch(() => false))) missing.push(id)
      }
      await Promise.all(Array.from({ length: atOnce }, search))
      waiting = missing
      t.diagnostic(
        `node ${n}: ${missing.length} of ${vectors.size} not found, killed at ${atKill}; ${repaired} entered again`,
      )
      if (missing.length > 0) await pause(5_000)
      return missing.length === 0
    }
    await until(look, `node ${n} finding everything`, 600_000)
    const back = await collection.ofIds(removed.map(uuidOf), { properties: ['imageId'] })
    assert.equal(back.size, 0, `node ${n} has what was removed while one was away`)
  }
})

/**
 * A node that missed acknowledged changes reads, changes and removes pictures by id as if it had taken part:
 * `npm run test:chaos -- --reads`. Replicas are not compared in the background, so it misses them for as long as the test takes.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { openWeaviate } from '../../src/engines/weaviate/weaviate-engine.js'
import type { OpenSet } from '../../src/gallery/engine.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage } from '../gallery/stored-images.js'
import { until, untilDone } from '../support/until.js'
import { skipWithoutWeaviate } from '../support/weaviate-server.js'
import { startNodes } from './weaviate-nodes.js'

const layout = { shards: 3, replicas: 3, quantisation: 'rq8' } as const
const uid = '00000000000000e0'
const set = { uid, galleryUid: uid, modelId: model.id, dimension: model.dimension, state: 'ready' } as const
const newVector = unitVectors({ dimension: model.dimension, seed: 8 })
/** In all shards. */
const count = 30

const ids = (name: string) => Array.from({ length: count }, (_, i) => `${name}${i}`)
const put = (opened: OpenSet, name: string) =>
  opened.change(ids(name).map((id) => ({ put: newImage(id, newVector(), { label: 'first' }) })))
const remove = (opened: OpenSet, name: string) => opened.change(ids(name).map((id) => ({ remove: id })))

async function patch(opened: OpenSet, name: string): Promise<void> {
  for (const id of ids(name)) await opened.patch(id, { label: 'second' })
}

async function labels(opened: OpenSet, name: string): Promise<unknown[]> {
  return (await opened.find(ids(name))).map(({ label }) => label)
}

test('a node reads, changes and removes by id what was acknowledged while it was away', {
  skip: skipWithoutWeaviate,
}, async (t) => {
  const { nodes } = await startNodes(3, { ASYNC_REPLICATION_DISABLED: 'true' })
  const open = async ({ url, grpcAddress }: { url: string; grpcAddress: string }) => {
    const server = { url, grpcAddress, apiKey: '', consistency: 'quorum', timeoutMs: 20_000 } as const
    const engine = await openWeaviate({ server, layout, logger: pino({ level: 'silent' }) })
    t.after(() => engine.close())
    await engine.prepare(set, {}, false)
    return engine.open(set)
  }
  const [first, , last] = nodes as [(typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0]]
  const others = await open(first)
  for (const name of ['old', 'patched', 'removed']) await put(others, name)
  await last.kill()
  await untilDone(() => put(others, 'new'), 'writes without the last node', 60_000)
  await patch(others, 'patched')
  await remove(others, 'removed')
  await last.start()
  const returned = await until(() => open(last).catch(() => undefined), 'the last node', 120_000)

  assert.deepEqual(await labels(returned, 'new'), ids('new').fill('first'))
  assert.deepEqual(await labels(returned, 'patched'), ids('patched').fill('second'))
  assert.deepEqual(await labels(returned, 'removed'), [])
  await patch(returned, 'new')
  assert.deepEqual(await labels(others, 'new'), ids('new').fill('second'))
  await remove(returned, 'patched')
  for (const opened of [others, returned]) assert.deepEqual(await labels(opened, 'patched'), [])
})

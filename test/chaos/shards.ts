/**
 * A gallery whose shards are on different nodes, without replicas, is refused while one of them is down, instead of being answered in part:
 * `npm run test:chaos -- --shards`.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OpenSet } from '../../src/gallery/engine.js'
import { untilDone } from '../support/until.js'
import { skipWithoutWeaviate } from '../support/weaviate-server.js'
import { ids, newSets, newVector, put, UnwatchedEngine } from './missed-changes.js'
import { startNodes, type WeaviateNode } from './weaviate-nodes.js'

async function listed(opened: OpenSet): Promise<number> {
  let count = 0
  for await (const { images } of opened.page({ limit: 100 })) count += images.length
  return count
}

const requests: Record<string, (opened: OpenSet) => Promise<unknown>> = {
  find: (opened) => opened.find(ids('old')),
  search: async (opened) => (await opened.nearest({ vector: newVector() })).first(10),
  'exact search': async (opened) => (await opened.nearest({ vector: newVector(), exact: true })).first(100),
  count: async (opened) => (await opened.state()).images,
  labels: (opened) => opened.labels({ limit: 10 }),
  page: listed,
  'removal by label': (opened) => opened.removeFitting({ field: 'label', in: ['none'] }),
  'removal by id': (opened) => opened.change(ids('none').map((id) => ({ remove: id }))),
}

test('shards of a node that is down are not left out', { skip: skipWithoutWeaviate }, async (t) => {
  const { nodes } = await startNodes(3)
  const [first, , last] = nodes as [WeaviateNode, WeaviateNode, WeaviateNode]
  const engine = new UnwatchedEngine(first, { shards: 3, replicas: 1, quantisation: 'none' })
  t.after(() => engine.close())
  const [set] = Object.values(newSets('spread'))
  await engine.prepare(set!)
  const opened = await engine.open(set!)
  await put(opened, 'old')
  for (const ask of Object.values(requests)) await ask(opened)

  await last.kill()
  // until the others no longer count it
  for (const pauseMs of [0, 5_000, 5_000]) {
    await sleep(pauseMs)
    for (const [name, ask] of Object.entries(requests))
      await assert.rejects(ask(opened), { code: 'engine_unreachable' }, `${name}`)
  }

  await last.start()
  await untilDone(() => listed(opened), 'the last node', 120_000)
  assert.equal((await opened.find(ids('old'))).length, ids('old').length)
})

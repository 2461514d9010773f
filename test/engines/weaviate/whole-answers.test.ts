import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setImmediate as nextTick } from 'node:timers/promises'
import { RestRequests } from '../../../src/engines/weaviate/rest-requests.js'
import { shardQuestions } from '../../../src/engines/weaviate/server-connection.js'
import {
  type NodeShards,
  type Nodes,
  type ShardLayout,
  WholeAnswers,
} from '../../../src/engines/weaviate/whole-answers.js'

const nodeWith = (...names: string[]): NodeShards => ({ shards: names.map((name) => ({ name })) })
const down: NodeShards = { shards: null }

/** @param nodes of each answer in turn; the last one remains */
function answersOf(layout: ShardLayout, nodes: Nodes[]) {
  const asked = { count: 0 }
  const ask = {
    layout: async () => layout,
    nodes: async () => {
      const now = nodes[Math.min(asked.count++, nodes.length - 1)]
      await nextTick()
      return now
    },
  }
  return { asked, whole: new WholeAnswers(ask, new Set()) }
}

const refused = { code: 'engine_unreachable' }

test('an answer is refused if no node has one of the shards', async () => {
  const here = [nodeWith('a'), nodeWith('b')]
  const { whole } = answersOf({ shards: 2, replicas: 1 }, [here, [nodeWith('a'), down], [nodeWith('a')], here])
  await whole.expect('c')
  await assert.rejects(whole.expect('c'), refused)
  await assert.rejects(whole.expect('c'), refused)
  await whole.expect('c')
})

test('a node that does not respond still counts', async () => {
  const { whole } = answersOf({ shards: 2, replicas: 1 }, [undefined, [nodeWith('a')]])
  await whole.expect('c')
  await assert.rejects(whole.expect('c'), refused)
})

test('a node that is starting may have been left out, unless there are replicas', async () => {
  await assert.rejects(answersOf({ shards: 2, replicas: 1 }, ['starting']).whole.expect('c'), refused)
  await answersOf({ shards: 2, replicas: 2 }, ['starting']).whole.expect('c')
})

test('nothing is asked of a collection with one shard, and once if all shards are on the same nodes', async () => {
  const single = answersOf({ shards: 1, replicas: 1 }, [[]])
  const all = nodeWith('a', 'b')
  const replicated = answersOf({ shards: 2, replicas: 2 }, [[all, down], [all, all], []])
  for (let turn = 0; turn < 4; turn++) {
    await single.whole.expect('c')
    await replicated.whole.expect('c')
  }
  assert.deepEqual([single.asked.count, replicated.asked.count], [0, 2])
})

test('answers that wait share a question that begins after them', async () => {
  const here = [nodeWith('a'), nodeWith('b')]
  const { asked, whole } = answersOf({ shards: 2, replicas: 1 }, [here, here, [nodeWith('a')]])
  await whole.expect('c')
  const first = whole.expect('c')
  await Promise.resolve()
  await Promise.resolve()
  const later = Array.from({ length: 10 }, () => assert.rejects(whole.expect('c'), refused))
  await Promise.all([first, ...later])
  assert.equal(asked.count, 3)
})

test('a node that does not count a majority of the replicas is refused', async () => {
  const all = nodeWith('a', 'b')
  const { whole } = answersOf({ shards: 2, replicas: 3 }, [
    [all],
    [all, all],
    [all, down],
    undefined,
    [nodeWith('a'), all],
  ])
  await assert.rejects(whole.expectMajority('c'), refused)
  for (const _ of ['two', 'one that does not respond', 'one that does not even refuse']) await whole.expectMajority('c')
  await assert.rejects(whole.expectMajority('c'), refused, 'only one has the second shard')
})

test('while a node is starting, the collection does not count as lost', async (t) => {
  const told = JSON.stringify({ error: [{ message: 'class "Alike_0" not found' }] })
  const server = createServer((_, answer) => answer.writeHead(404).end(told)).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const rest = new RestRequests(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), '')
  t.after(() => rest.close())
  assert.equal(await shardQuestions(rest, 5_000).nodes('Alike_0'), 'starting')
})

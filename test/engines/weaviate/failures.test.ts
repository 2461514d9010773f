/** The effect on galleries of a server that dies, has a wrong version or refuses the key. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { expectSynchronousIndexing } from '../../../src/engines/weaviate/synchronous-indexing.js'
import { openWeaviate } from '../../../src/engines/weaviate/weaviate-engine.js'
import type { WeaviateSettings } from '../../../src/engines/weaviate/weaviate-settings.js'
import type { AlikeError } from '../../../src/errors.js'
import type { OpenSet } from '../../../src/gallery/engine.js'
import { model, newImage } from '../../gallery/stored-images.js'
import { until } from '../../support/until.js'
import { type RunningWeaviate, skipWithoutWeaviate, startWeaviate } from '../../support/weaviate-server.js'
import { unitVectors } from '../embedded/vector-index/unit-vectors.js'
import { layout } from './weaviate-galleries.js'

const logger = pino({ level: 'silent' })
const needsServer = { skip: skipWithoutWeaviate }
const set = {
  uid: '0123456789abcdef',
  galleryUid: '0123456789abcdef',
  modelId: model.id,
  dimension: model.dimension,
  state: 'ready',
} as const
const vectors = Array.from({ length: 400 }, unitVectors({ dimension: model.dimension, seed: 12 }))

async function opened(t: TestContext, server: WeaviateSettings): Promise<OpenSet> {
  const engine = await openWeaviate({ server, layout, logger })
  t.after(() => engine.close())
  await engine.prepare(set, {}, false)
  return engine.open(set)
}

/** Answers every request with this. */
async function serverOf(t: TestContext, answered: object): Promise<WeaviateSettings> {
  const server = createServer((_, answer) => answer.end(JSON.stringify(answered))).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    grpcAddress: '127.0.0.1:9',
    apiKey: '',
    consistency: 'quorum',
    timeoutMs: 500,
  }
}

test('a server version that loses vectors is refused at the start', async (t) => {
  const server = await serverOf(t, { version: '1.38.2' })
  await assert.rejects(openWeaviate({ server, layout, logger }), { code: 'engine_version_refused' })
})

test('a server with asynchronous indexing is refused at the start', needsServer, async (t) => {
  const server = await startWeaviate({ environment: { ASYNC_INDEXING: 'true' } })
  t.after(() => server.kill())
  const refused = { code: 'engine_setting_refused', message: /node0.*ASYNC_INDEXING/ }
  await assert.rejects(openWeaviate({ server: server.settings, layout, logger }), refused)
})

test("a node that is down does not affect the check of the others' indexing", () => {
  const batchStats = { queueLength: 0, ratePerSecond: 0 }
  const here = { name: 'node0', status: 'HEALTHY', batchStats }
  expectSynchronousIndexing([here, { name: 'node1', status: 'UNAVAILABLE', batchStats: {} }, { name: 'node2' }])
  expectSynchronousIndexing([])
  const late = { name: 'node1', status: 'HEALTHY', batchStats: {} }
  assert.throws(() => expectSynchronousIndexing([here, late]), { code: 'engine_setting_refused', message: /node1/ })
})

test('a missing collection is reported and not recreated, by reads or writes', needsServer, async (t) => {
  const server = await startWeaviate()
  t.after(() => server.kill())
  const store = await opened(t, server.settings)
  await store.change([{ put: newImage('a', vectors[0]!) }])
  const collection = `${server.settings.url}/v1/schema/Alike_${set.uid}`
  assert.equal((await fetch(collection, { method: 'DELETE' })).status, 200)
  const lost = { code: 'gallery_lost', message: /Alike_0123456789abcdef/ }
  await assert.rejects(store.find(['a']), lost)
  await assert.rejects(store.nearest({ vector: vectors[0]! }), lost)
  await assert.rejects(store.state(), lost)
  await assert.rejects(store.change([{ put: newImage('b', vectors[1]!) }]), lost)
  await assert.rejects(store.change([{ remove: 'a' }]), lost)
  await assert.rejects(store.patch('a', { label: 'b' }), lost)
  await assert.rejects(store.removeFitting({ field: 'label', in: ['b'] }), lost)
  await assert.rejects(store.labels({ limit: 10 }), lost)
  const engine = await openWeaviate({ server: server.settings, layout, logger })
  t.after(() => engine.close())
  const another = await engine.open(set)
  const [reads, failures]: [Promise<void>[], unknown[]] = [[], []]
  let isOver = false
  const read = () => assert.rejects(another.find(['a']), lost).finally(() => (isOver = true))
  for (; !isOver; await sleep(1)) reads.push(read().catch((error: unknown) => void failures.push(error)))
  await Promise.all(reads)
  assert.deepEqual(failures, [], `each of ${reads.length} reads, the first of them still under way`)
  assert.equal((await fetch(collection)).status, 404)
})

test('a server whose disk is full accepts no change, and says why', needsServer, async (t) => {
  const server = await startWeaviate()
  t.after(() => server.kill())
  const store = await opened(t, server.settings)
  await store.change([{ put: newImage('a', vectors[0]!) }])
  const shards = `${server.settings.url}/v1/schema/Alike_${set.uid}/shards`
  const [shard] = (await (await fetch(shards)).json()) as { name: string }[]
  const request = { method: 'PUT', headers: { 'content-type': 'application/json' } }
  const body = JSON.stringify({ status: 'READONLY' }) // as the server does by itself
  assert.equal((await fetch(`${shards}/${shard!.name}`, { ...request, body })).status, 200)
  const full = { code: 'storage_full' }
  await assert.rejects(store.change([{ put: newImage('b', vectors[1]!) }]), full)
  await assert.rejects(store.patch('a', { label: 'b' }), full)
  await assert.rejects(store.change([{ remove: 'a' }]), full)
  await assert.rejects(store.removeFitting({ field: 'label', in: [null] }), full)
  assert.equal((await store.find(['a'])).length, 1)
})

test('a read after the set was dropped does not recreate its collection', needsServer, async (t) => {
  const server = await startWeaviate()
  t.after(() => server.kill())
  const engine = await openWeaviate({ server: server.settings, layout, logger })
  t.after(() => engine.close())
  await engine.prepare(set, {}, false)
  const store = await engine.open(set)
  await engine.drop(set)
  await assert.rejects(store.find(['a']), { code: 'gallery_not_found' })
  await assert.rejects(store.change([{ put: newImage('a', vectors[0]!) }]), { code: 'gallery_not_found' })
  assert.equal((await fetch(`${server.settings.url}/v1/schema/Alike_${set.uid}`)).status, 404)
})

test('a server that is down is waited for: requests to its galleries are refused with a reason', async (t) => {
  const server: WeaviateSettings = {
    url: 'http://127.0.0.1:9',
    grpcAddress: '127.0.0.1:9',
    apiKey: '',
    consistency: 'quorum',
    timeoutMs: 500,
  }
  const engine = await openWeaviate({ server, layout, logger })
  t.after(() => engine.close())
  const away = await engine.open(set)
  await assert.rejects(away.state(), { code: 'engine_unreachable', retryAfterSeconds: 5 })
  await assert.rejects(away.change([{ put: newImage('a', vectors[0]!) }]), { code: 'engine_unreachable' })
  assert.match(engine.unreachable ?? '', /is unavailable/)
})

test('a wrong API key is reported at the start; the right one is accepted', needsServer, async (t) => {
  const server = await startWeaviate({ apiKey: 'right-key' })
  t.after(() => server.kill())
  for (const apiKey of ['wrong-key', ''])
    await assert.rejects(openWeaviate({ server: { ...server.settings, apiKey }, layout, logger }), {
      code: 'config_invalid',
      message: /WEAVIATE_API_KEY/,
    })
  const right = await opened(t, server.settings)
  await right.change([{ put: newImage('a', vectors[0]!) }])
  assert.equal((await right.state()).images, 1)
})

test(
  'a server that is starting, and has not loaded its collections yet, does not count as having lost them',
  needsServer,
  async (t) => {
    const server = await startWeaviate()
    t.after(() => server.kill())
    const store = await opened(t, server.settings)
    await store.change([{ put: newImage('a', vectors[0]!) }])
    await server.kill()
    const refusals = new Set<string>()
    const refused = (error: AlikeError) => void refusals.add(error.code)
    const [found] = await Promise.all([
      until(() => store.find(['a']).catch(refused), 'the picture'),
      until(() => store.change([{ put: newImage('b', vectors[1]!) }]).catch(refused), 'another picture'),
      until(() => store.patch('a', { label: 'b' }).then(() => true, refused), 'its label'),
      server.start(),
    ])
    assert.deepEqual(
      found.map(({ id }) => id),
      ['a'],
    )
    assert.deepEqual([...refusals], ['engine_unreachable'])
  },
)

test('an aborted search affects no other, and does not mark the server unreachable', needsServer, async (t) => {
  const server = await startWeaviate()
  t.after(() => server.kill())
  const engine = await openWeaviate({ server: server.settings, layout, logger })
  t.after(() => engine.close())
  await engine.prepare(set, {}, false)
  const store = await engine.open(set)
  await store.change(vectors.map((vector, i) => ({ put: newImage(`p${i}`, vector) })))
  for (let turn = 0; turn < 20; turn++) {
    const gone = new AbortController()
    const abandoned = store.nearest({ vector: vectors[turn]!, signal: gone.signal }).then((hits) => {
      const first = hits.first(10)
      gone.abort(new Error('gone'))
      return first
    })
    const others = vectors.slice(0, 4).map(async (vector) => (await store.nearest({ vector })).first(1))
    await assert.rejects(abandoned, /gone/)
    assert.deepEqual(
      (await Promise.all(others)).map(([hit]) => hit?.record.id),
      ['p0', 'p1', 'p2', 'p3'],
    )
    assert.equal(engine.unreachable, undefined)
  }
})

test('calls to a server that no longer responds end by their own timeout', needsServer, async (t) => {
  const server = await startWeaviate()
  t.after(() => server.kill())
  const store = await opened(t, { ...server.settings, timeoutMs: 4_000 })
  await store.change([{ put: newImage('a', vectors[0]!) }])
  await server.freeze()
  const refused = ({ code, cause }: AlikeError) => {
    assert.equal(code, 'engine_unreachable')
    assert.match(String(cause), /no answer within|the node does not answer|given up/)
    return true
  }
  await Promise.all([
    assert.rejects(store.find(['a']), refused),
    assert.rejects(
      store.nearest({ vector: vectors[0]! }).then((hits) => hits.first(1)),
      refused,
    ),
    assert.rejects(store.change([{ put: newImage('b', vectors[1]!) }]), refused),
  ])
  server.thaw()
  await until(() => store.find(['a']).catch(() => undefined), 'the server answering again')
})

/** Stores pictures one by one until the server is killed; returns the acknowledged ids. */
async function putUntilKilled(store: OpenSet, server: RunningWeaviate, begin: number): Promise<string[]> {
  const acknowledged: string[] = []
  let killing: Promise<void> | undefined
  const put = async (lane: number) => {
    for (let i = begin + lane; i < vectors.length; i += 4) {
      const image = newImage(`p${i}`, vectors[i]!)
      try {
        await store.change([{ put: image }])
        acknowledged.push(image.id)
      } catch (error) {
        assert.equal((error as AlikeError).code, 'engine_unreachable')
        return
      }
      if (acknowledged.length === 40) killing = server.kill()
    }
  }
  await Promise.all([0, 1, 2, 3].map(put))
  await killing
  return acknowledged
}

test(
  'a server killed during writes has all acknowledged ones when it returns; a retry completes the rest',
  needsServer,
  async (t) => {
    const server = await startWeaviate()
    t.after(() => server.kill())
    const store = await opened(t, server.settings)
    const acknowledged: string[] = []
    for (let round = 0; round < 2; round++) {
      acknowledged.push(...(await putUntilKilled(store, server, round * 200)))
      await server.start()
      await until(() => store.state().catch(() => undefined), 'the server answering again')
      const found = (await store.find(acknowledged)).map(({ id }) => id)
      assert.deepEqual(found, acknowledged)
      for (const id of acknowledged) {
        const hits = await store.nearest({ vector: vectors[Number(id.slice(1))]! })
        assert.equal((await hits.first(1))[0]?.record.id, id)
      }
    }
    assert.ok(acknowledged.length >= 80)
    const all = vectors.map((vector, i) => ({ put: newImage(`p${i}`, vector) }))
    const results = await store.change(all.filter(({ put }) => !acknowledged.includes(put.id)))
    assert.ok(
      results.every((result) => 'created' in result && result.created),
      'what nobody was told of counts as new, though some of it was stored',
    )
    const again = await store.change(all.map((step) => ({ ...step, unlessSame: true })))
    assert.ok(again.every((result) => 'unchanged' in result))
    assert.equal((await store.state()).images, vectors.length)
  },
)

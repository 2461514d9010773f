/** What a server that dies, is of a wrong version or refuses the key does to galleries in it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
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
  return engine.open(set)
}

/** Answers as a server of this version does. */
async function serverOf(t: TestContext, version: string): Promise<WeaviateSettings> {
  const server = createServer((_, answer) => answer.end(JSON.stringify({ version }))).listen(0, '127.0.0.1')
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

test('a server of a version that loses vectors is refused at the start', async (t) => {
  const server = await serverOf(t, '1.38.2')
  await assert.rejects(openWeaviate({ server, layout, logger }), { code: 'engine_version_refused' })
})

test('a server that is away is waited for: its galleries are refused, and why is told', async (t) => {
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
  assert.match(engine.unreachable ?? '', /does not answer/)
})

test('a wrong API key is told at the start; the right one is taken', needsServer, async (t) => {
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

/** Puts pictures one by one until the server is killed; gives the ids that were acknowledged. */
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
  'a server killed in the middle of writes has all that were acknowledged when it is back; a repeat does the rest',
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
    const all = vectors.map((vector, i) => ({ put: newImage(`p${i}`, vector), unlessSame: true }))
    const results = await store.change(all)
    assert.ok(results.filter((result) => 'unchanged' in result).length >= acknowledged.length)
    assert.equal((await store.state()).images, vectors.length)
  },
)

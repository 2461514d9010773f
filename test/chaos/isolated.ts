/** A node that is cut off from the others acknowledges nothing alone: `npm run test:chaos -- --isolated`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { openWeaviate } from '../../src/engines/weaviate/weaviate-engine.js'
import type { AlikeError } from '../../src/errors.js'
import type { OpenSet } from '../../src/gallery/engine.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage } from '../gallery/stored-images.js'
import { untilDone } from '../support/until.js'
import { skipWithoutWeaviate } from '../support/weaviate-server.js'
import { startNodes } from './weaviate-nodes.js'

const layout = { shards: 3, replicas: 3, quantisation: 'rq8' } as const
const uid = '00000000000000d0'
const set = { uid, galleryUid: uid, modelId: model.id, dimension: model.dimension, state: 'ready' } as const
const newVector = unitVectors({ dimension: model.dimension, seed: 6 })
/** Long enough for the node to forget the others. */
const cutOffMs = 90_000

const put = (opened: OpenSet, id: string) => opened.change([{ put: newImage(id, newVector()) }])

test('a node that is cut off from the others acknowledges nothing alone', { skip: skipWithoutWeaviate }, async (t) => {
  const { nodes, environment, isolate, rejoin } = await startNodes(3)
  const open = async (url: string, grpcAddress: string) => {
    const server = { url, grpcAddress, apiKey: '', consistency: 'quorum', timeoutMs: 20_000 } as const
    const engine = await openWeaviate({ server, layout, logger: pino({ level: 'silent' }) })
    t.after(() => engine.close())
    await engine.prepare(set, {}, false)
    return engine.open(set)
  }
  const ofAll = await open(environment.WEAVIATE_URL, environment.WEAVIATE_GRPC)
  const alone = await open(nodes[2]!.url, nodes[2]!.grpcAddress)
  await put(ofAll, 'before')
  await put(alone, 'before it was cut off')

  isolate(nodes[2]!)
  const refusals: string[] = []
  const began = performance.now()
  for (let n = 0; performance.now() - began < cutOffMs; n++) {
    const refused = await put(alone, `alone ${n}`).then(
      () => undefined,
      (error: AlikeError) => error,
    )
    assert.ok(refused !== undefined, `acknowledged alone after ${((performance.now() - began) / 1_000).toFixed(0)} s`)
    assert.equal(refused.code, 'engine_unreachable')
    refusals.push(String((refused.cause as Error | undefined)?.message ?? refused.message).slice(0, 120))
  }
  t.diagnostic(`${refusals.length} refused, the last one: ${refusals.at(-1)}`)
  const byItself = await rawWrite(nodes[2]!.url)
  t.diagnostic(`the server itself, asked for a quorum: ${byItself}`)
  await put(ofAll, 'by the others')
  rejoin(nodes[2]!)
  await untilDone(() => put(alone, 'after'), 'the node taking writes again', 120_000)
})

/** What the node says without us. */
async function rawWrite(url: string): Promise<string> {
  const object = { class: 'AlikeNodes', id: '00000000-0000-4000-8000-0000000000ff', properties: { note: 'alone' } }
  const answer = await fetch(`${url}/v1/batch/objects?consistency_level=QUORUM`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ objects: [object] }),
    signal: AbortSignal.timeout(60_000),
  }).catch((error: Error) => error)
  if (answer instanceof Error) return answer.message
  return `${answer.status} ${(await answer.text()).slice(0, 400)}`
}

/**
 * Verifies what each consistency level guarantees with three nodes, two and one: `npm run test:chaos -- --consistency`.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { openWeaviate, type WeaviateEngine } from '../../src/engines/weaviate/weaviate-engine.js'
import { type Consistency, consistencies } from '../../src/engines/weaviate/weaviate-settings.js'
import type { AlikeError } from '../../src/errors.js'
import type { OpenSet } from '../../src/gallery/engine.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage } from '../gallery/stored-images.js'
import { untilDone } from '../support/until.js'
import { skipWithoutWeaviate } from '../support/weaviate-server.js'
import { startNodes } from './weaviate-nodes.js'

const vectors = Array.from({ length: 60 }, unitVectors({ dimension: model.dimension, seed: 3 }))
const layout = { shards: 3, replicas: 3, quantisation: 'rq8' } as const

type Verb = 'write' | 'read' | 'list' | 'search'
const verbs: Record<Verb, (set: OpenSet) => Promise<unknown>> = {
  write: (set) => set.change([{ put: newImage('one more', vectors[0]!) }]),
  read: (set) => set.find(['p1']),
  list: async (set) => {
    for await (const { images } of set.page({ limit: 100 })) assert.ok(images.length > 0)
  },
  search: async (set) => (await set.nearest({ vector: vectors[5]! })).first(10),
}

/** By number of nodes down: whose callers notice nothing, and whose writes are refused or held up at first. */
const promised: { unnoticed: Consistency[]; heldUp: Consistency[] }[] = [
  { unnoticed: ['one', 'quorum'], heldUp: ['all'] },
  { unnoticed: [], heldUp: ['quorum', 'all'] },
]
/** The server counts a dead node for longer. */
const heldUpMs = 4_000
/** How long a call is repeated that is refused. Some seconds after a node died the server counts only the others. */
const triedForMs = 30_000

test('each consistency level keeps its promises while nodes are down', { skip: skipWithoutWeaviate }, async (t) => {
  const { nodes, environment } = await startNodes(3)
  const server = {
    url: environment.WEAVIATE_URL,
    grpcAddress: environment.WEAVIATE_GRPC,
    apiKey: '',
    timeoutMs: 20_000,
  }
  const engines: WeaviateEngine[] = []
  const sets = new Map<Consistency, OpenSet>()
  for (const [n, consistency] of consistencies.entries()) {
    const engine = await openWeaviate({ server: { ...server, consistency }, layout, logger: pino({ level: 'silent' }) })
    engines.push(engine)
    const uid = `00000000000000a${n}`
    const row = { uid, galleryUid: uid, modelId: model.id, dimension: model.dimension, state: 'ready' } as const
    await engine.prepare(row, {}, false)
    const set = await engine.open(row)
    await set.change(vectors.map((vector, i) => ({ put: newImage(`p${i}`, vector) })))
    sets.set(consistency, set)
  }
  const seen: { away: number; consistency: Consistency; told: Told[] }[] = []
  for (const [away, gone] of [nodes[2]!, nodes[1]!].entries()) {
    await gone.kill()
    await Promise.all(
      [...sets].map(async ([consistency, set]) => {
        const told = await Promise.all((Object.keys(verbs) as Verb[]).map((verb) => answeredAfter(set, verb)))
        t.diagnostic(`${away + 1} away, ${consistency}: ${told.map(({ verb, how }) => `${verb} ${how}`).join('; ')}`)
        seen.push({ away, consistency, told })
      }),
    )
  }
  for (const node of [nodes[1]!, nodes[2]!]) await node.start()
  for (const set of sets.values())
    for (const verb of Object.values(verbs)) await untilDone(() => verb(set), 'everything as before', 120_000)
  for (const engine of engines) await engine.close()
  for (const { away, consistency, told } of seen) {
    const { unnoticed, heldUp } = promised[away]!
    const ofWrite = told.find(({ verb }) => verb === 'write')!
    if (heldUp.includes(consistency))
      assert.ok(ofWrite.refusals > 0 || ofWrite.tookMs > heldUpMs, `${away + 1} away, ${consistency}`)
    if (unnoticed.includes(consistency))
      for (const { verb, isAnswered, refusals } of told)
        assert.deepEqual([isAnswered, refusals], [true, 0], `${away + 1} away, ${consistency}: ${verb}`)
  }
})

interface Told {
  verb: Verb
  isAnswered: boolean
  refusals: number
  tookMs: number
  how: string
}

async function answeredAfter(set: OpenSet, verb: Verb): Promise<Told> {
  const began = performance.now()
  const tookMs = () => performance.now() - began
  const seconds = () => (tookMs() / 1_000).toFixed(1)
  let [refusals, why] = [0, '']
  while (tookMs() < triedForMs)
    try {
      await verbs[verb](set)
      return {
        verb,
        isAnswered: true,
        refusals,
        tookMs: tookMs(),
        how: `after ${seconds()} s and ${refusals} refusals${why}`,
      }
    } catch (error) {
      const { code, cause } = error as AlikeError
      assert.equal(code, 'engine_unreachable', verb)
      refusals++
      why = ` (${String((cause as Error).message).slice(0, 200)})`
    }
  return {
    verb,
    isAnswered: false,
    refusals,
    tookMs: tookMs(),
    how: `refused ${refusals} times in ${seconds()} s${why}`,
  }
}

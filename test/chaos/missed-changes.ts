/** Sets of which one node missed changes that were acknowledged. Replicas are not compared in the background. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { ChangeClock } from '../../src/engines/weaviate/change-clock.js'
import { ImageCollection } from '../../src/engines/weaviate/image-collection.js'
import { WeaviateServer } from '../../src/engines/weaviate/weaviate-server.js'
import { WeaviateSet } from '../../src/engines/weaviate/weaviate-set.js'
import { type CollectionLayout, tuningDefaults } from '../../src/engines/weaviate/weaviate-settings.js'
import type { EmbeddingSet, Engine, OpenSet } from '../../src/gallery/engine.js'
import { unitVectors } from '../engines/embedded/vector-index/unit-vectors.js'
import { model, newImage } from '../gallery/stored-images.js'
import { until, untilDone } from '../support/until.js'
import { startNodes, type WeaviateNode } from './weaviate-nodes.js'

const replicated = { shards: 3, replicas: 3, quantisation: 'rq8' } as const
export const newVector = unitVectors({ dimension: model.dimension, seed: 8 })
/** Of each kind; in all shards. */
const count = 30

export const ids = (kind: string) => Array.from({ length: count }, (_, i) => `${kind}${i}`)
export const put = (opened: OpenSet, kind: string, label = 'first') =>
  opened.change(ids(kind).map((id) => ({ put: newImage(id, newVector(), { label }) })))
export const remove = (opened: OpenSet, kind: string) => opened.change(ids(kind).map((id) => ({ remove: id })))

export async function patch(opened: OpenSet, kind: string, label = 'second'): Promise<void> {
  for (const id of ids(kind)) await opened.patch(id, { label })
}

/** Labels by id, of what is stored once the node is back. */
export function acknowledged(): Map<string, string> {
  const labels = { old: 'first', patched: 'second', replaced: 'second', new: 'latest' }
  return new Map(Object.entries(labels).flatMap(([kind, label]) => ids(kind).map((id) => [id, label] as const)))
}

export interface Missed {
  /** As seen through a node that was there. */
  others: Record<string, OpenSet>
  /** As seen through the node that was away. */
  returned: Record<string, OpenSet>
}

/** @param setsOf by name; @param last as it will be */
export async function missedChanges(
  t: TestContext,
  setsOf: (last: UnwatchedEngine) => Promise<Record<string, EmbeddingSet>>,
): Promise<Missed> {
  const { nodes } = await startNodes(3, { ASYNC_REPLICATION_DISABLED: 'true' })
  const [first, , last] = nodes as [WeaviateNode, WeaviateNode, WeaviateNode]
  const [here, there] = [new UnwatchedEngine(first), new UnwatchedEngine(last)]
  for (const engine of [here, there]) t.after(() => engine.close())
  const sets = Object.entries(await setsOf(there))
  const of = async (engine: UnwatchedEngine) => {
    const opened: Record<string, OpenSet> = {}
    for (const [name, set] of sets) opened[name] = await engine.open(set)
    return opened
  }
  const [others, returned] = [await of(here), await of(there)]
  const each = async (work: (set: OpenSet) => Promise<unknown>) => {
    for (const set of Object.values(others)) await work(set)
  }
  for (const [, set] of sets) await here.prepare(set)
  await each(async (set) => {
    for (const kind of ['old', 'patched', 'replaced', 'removed']) await put(set, kind)
  })
  await last.kill()
  await each(async (set) => {
    await untilDone(() => put(set, 'new', 'latest'), 'writes without the last node', 60_000)
    await patch(set, 'patched')
    await put(set, 'replaced', 'second')
    await remove(set, 'removed')
  })
  await last.start()
  // a starting node either refuses or knows all pictures
  for (const set of Object.values(returned)) {
    const found = await until(() => set.find(ids('old')).catch(() => undefined), 'the last node', 120_000)
    assert.equal(found.length, count)
  }
  return { others, returned }
}

/** As the real one, except that it repairs nothing when a node returns. */
export class UnwatchedEngine implements Engine {
  readonly failure = undefined
  readonly readOnly = undefined
  readonly unreachable = undefined
  readonly #server: WeaviateServer
  readonly #clock = new ChangeClock(() => new Date())
  readonly #sets = new Map<string, WeaviateSet>()
  readonly #layout: CollectionLayout

  constructor({ url, grpcAddress }: Pick<WeaviateNode, 'url' | 'grpcAddress'>, layout: CollectionLayout = replicated) {
    this.#layout = layout
    this.#server = new WeaviateServer({ url, grpcAddress, apiKey: '', consistency: 'quorum', timeoutMs: 20_000 })
  }

  async prepare(set: EmbeddingSet): Promise<void> {
    await this.#collectionOf(set).access.make()
  }

  async open(set: EmbeddingSet): Promise<WeaviateSet> {
    const collection = this.#collectionOf(set)
    const most = { exactBelow: 1_000, setImagesMax: 10_000, pageMaxLength: 2 ** 20, waitingMax: 100 }
    const scanPlace = { settings: this.#server.settings, layout: this.#layout }
    const parts = { collection, clock: this.#clock, ...most, scanPlace }
    const opened = this.#sets.get(set.uid) ?? new WeaviateSet(parts, set)
    this.#sets.set(set.uid, opened)
    return opened
  }

  async drop(): Promise<void> {}

  close(): Promise<void> {
    return this.#server.close()
  }

  #collectionOf({ uid }: EmbeddingSet): ImageCollection {
    return new ImageCollection(this.#server, `Alike_${uid}`, { layout: this.#layout, tuning: tuningDefaults })
  }
}

export function newSets(...names: string[]): Record<string, EmbeddingSet> {
  const sets = names.map((name, i): [string, EmbeddingSet] => {
    const uid = `00000000000000e${i}`
    return [name, { uid, galleryUid: uid, modelId: model.id, dimension: model.dimension, state: 'ready' }]
  })
  return Object.fromEntries(sets)
}

/**
 * Looks on each node for the pictures written while one was in doubt, and inserts those that one of them misses into all replicas' indexes
 * again. Nothing is read and written back: each replica inserts what it has, so concurrent changes by other processes are kept.
 *
 * A node that is killed may have stored a picture and lost its entry in any of the indexes: each has a log of its own. No list, filter or
 * count of the node shows such a picture, so its whole store is walked.
 */
import { Filters } from 'weaviate-client'
import { AlikeError, hasCode } from '../../errors.js'
import { nextTurn } from '../../turns.js'
import { wordNames } from './id-words.js'
import { ImageCollection } from './image-collection.js'
import type { Found } from './image-object.js'
import type { Where } from './pushed-filter.js'
import type { WeaviateServer } from './weaviate-server.js'
import { type CollectionLayout, tuningDefaults } from './weaviate-settings.js'

export interface IndexRepairOptions {
  server: WeaviateServer
  layout: CollectionLayout
  /** Prefix of the names of sets' collections. */
  prefix: string
  /** Pictures were inserted again. */
  onImages: (count: number) => void
}

/** What a repair did. */
export interface Repaired {
  checked: number
  entered: number
}

const walkedAtOnce = 1_000
const checkedAtOnce = 256
/** Searches and writes continue in the meantime. */
const searchesAtOnce = 8
/** A picture is found if it is among this many nearest neighbours of itself: there may be duplicates. */
const nearest = 4
/** All indexed properties. */
const indexedNumbers = ['stamp', 'labelWord', ...wordNames] as const
const indexed = ['tokens', ...indexedNumbers] as const

export class IndexRepair {
  readonly #options: IndexRepairOptions

  constructor(options: IndexRepairOptions) {
    this.#options = options
  }

  /**
   * Call again after a failure: what is already repaired is skipped.
   * @param since milliseconds since 1970, by the clocks of the nodes
   * @throws AlikeError `engine_unreachable` while a replica is missing; `gallery_newer` after all others
   */
  async run(since: number, signal: AbortSignal): Promise<Repaired> {
    const { server, prefix } = this.#options
    const names = (await server.collections()).filter((name) => name.startsWith(prefix))
    const nodes = await server.apart()
    const done: Repaired = { checked: 0, entered: 0 }
    try {
      // behind a load balancer nodes cannot be asked individually
      const isEachSearched = nodes.length >= (await server.nodes()).length
      let newer: unknown
      for (const name of names)
        try {
          await this.#repairCollection({ name, nodes, isEachSearched, since, signal }, done)
        } catch (error) {
          if (hasCode(error, 'gallery_newer')) newer = error
          // it may be deleted in the meantime
          else if (!hasCode(error, 'gallery_lost')) throw error
        }
      // the node is in doubt until a process of that version has repaired it
      if (newer !== undefined) throw newer
    } finally {
      await Promise.all(nodes.map((node) => node.close()))
    }
    return done
  }

  async #repairCollection(
    { name, nodes, isEachSearched, since, signal }: CollectionRepair,
    done: Repaired,
  ): Promise<void> {
    const { server, layout, onImages } = this.#options
    const of = (way: WeaviateServer) => new ImageCollection(way, name, { layout, tuning: tuningDefaults })
    const collection = of(server)
    const views = nodes.map(of)
    for await (const uuids of writtenSince(views, { since, signal })) {
      const due: string[] = isEachSearched ? [] : [...uuids]
      if (isEachSearched) {
        const copies = await Promise.all(views.map((view) => copiesOf(view, uuids)))
        await eachOf(uuids, async (uuid) => {
          signal.throwIfAborted()
          if (!(await isOnAll(views, copies, uuid))) due.push(uuid)
        })
      }
      await eachOf(due, async (uuid) => {
        signal.throwIfAborted()
        if (!(await enter(collection, uuid))) return
        onImages(1)
        done.entered++
      })
      // what replicas copied from each other may be in the graph without its log having been flushed
      await collection.writes.flush(uuids, 'all')
      done.checked += uuids.length
      await nextTurn()
    }
  }
}

interface CollectionRepair {
  name: string
  /** Connections to each node. */
  nodes: readonly WeaviateServer[]
  isEachSearched: boolean
  since: number
  signal: AbortSignal
}

/** Uuids of what any of the nodes has and that was written or changed since then, usually once each. */
async function* writtenSince(
  views: readonly ImageCollection[],
  { since, signal }: Pick<CollectionRepair, 'since' | 'signal'>,
): AsyncGenerator<string[]> {
  for (const [n, view] of views.entries())
    for await (const page of view.all({ limit: walkedAtOnce, properties: [], consistency: 'one' })) {
      signal.throwIfAborted()
      const written = page.filter(({ updateTime = 0 }) => updateTime >= since)
      for (let begin = 0; begin < written.length; begin += checkedAtOnce) {
        const uuids = await unseen(views.slice(0, n), written.slice(begin, begin + checkedAtOnce))
        if (uuids.length > 0) yield uuids
      }
      await nextTurn()
    }
}

/** Those that were not found, as they are, on the nodes that were walked before. */
async function unseen(before: readonly ImageCollection[], written: readonly Found[]): Promise<string[]> {
  const uuids = written.map(({ uuid }) => uuid)
  const options = { properties: [], consistency: 'one' } as const
  const copies = await Promise.all(before.map((view) => view.ofIds(uuids, options)))
  const isSeen = ({ uuid, updateTime }: Found) => copies.some((copy) => copy.get(uuid)?.updateTime === updateTime)
  return written.flatMap((one) => (isSeen(one) ? [] : one.uuid))
}

/** As one node has them, by uuid. */
type Copies = ReadonlyMap<string, Found>

function copiesOf(view: ImageCollection, uuids: readonly string[]): Promise<Copies> {
  return view.ofIds(uuids, { properties: indexed, vectors: true })
}

/** Whether each node has the picture, and all of its indexes do. */
async function isOnAll(views: readonly ImageCollection[], copies: readonly Copies[], uuid: string): Promise<boolean> {
  const stamps = new Set(copies.map((copy) => copy.get(uuid)?.properties.stamp))
  if (stamps.size > 1) return false
  for (const [n, view] of views.entries()) {
    const one = copies[n]!.get(uuid)
    // removed in the meantime
    if (one === undefined) continue
    const listed = await view.sortedFully('stamp', {
      where: exactly(one),
      limit: 1,
      properties: [],
      consistency: 'one',
    })
    if (listed[0]?.uuid !== uuid) return false
    const query = { limit: nearest, properties: [], vectors: false } as const
    const found = await view.near(Float32Array.from(one.vector), query)
    if (!found.some((other) => other.uuid === uuid)) return false
  }
  return true
}

/** Met by this picture alone: stamps are unique. */
function exactly({ properties }: Found): Where {
  const numbers = indexedNumbers.map(
    (property): Where => ({ operator: 'Equal', target: { property }, value: properties[property]! }),
  )
  return Filters.and({ operator: 'ContainsAll', target: { property: 'tokens' }, value: properties.tokens! }, ...numbers)
}

/** @returns false if it was removed in the meantime */
async function enter(collection: ImageCollection, uuid: string): Promise<boolean> {
  try {
    await collection.writes.enterAgain(uuid, 'all')
    return true
  } catch (error) {
    if (!hasCode(error, 'image_not_found')) throw error
    // removed in the meantime, or a replica does not have it yet
    if ((await collection.ofIds([uuid], { properties: ['stamp'] })).size > 0)
      throw new AlikeError('engine_unreachable', { detail: 'A replica does not have all pictures yet.', cause: error })
    return false
  }
}

/** Stops at the first failure, once none is in progress. */
async function eachOf<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const waiting = items.values()
  const failures: unknown[] = []
  const worker = async () => {
    for (const item of waiting) {
      if (failures.length > 0) return
      await work(item).catch((error) => failures.push(error))
    }
  }
  await Promise.all(Array.from({ length: searchesAtOnce }, worker))
  if (failures.length > 0) throw failures[0]
}

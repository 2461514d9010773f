/**
 * Searches each node for the pictures stored while one was in doubt, and inserts those that one of them misses into all replicas' graphs
 * again. Nothing is read and written back: each replica inserts what it has, so concurrent changes by other processes are kept.
 */
import { AlikeError, hasCode } from '../../errors.js'
import { nextTurn } from '../../turns.js'
import { everyToken } from './filter-tokens.js'
import { ImageCollection } from './image-collection.js'
import { anyToken, both, putBetween } from './pushed-filter.js'
import type { WeaviateServer } from './weaviate-server.js'
import { type CollectionLayout, tuningDefaults } from './weaviate-settings.js'

export interface GraphRepairOptions {
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

interface Put {
  stamp: number
  vector: readonly number[]
}

const listedAtOnce = 256
/** A change may have received its stamp from a clock that is ahead by this much; looking further costs nothing. */
const aheadMs = 3_600_000
/** Searches and writes continue in the meantime. */
const searchesAtOnce = 8
/** A picture is found if it is among this many nearest neighbours of itself: there may be duplicates. */
const nearest = 4

export class GraphRepair {
  readonly #options: GraphRepairOptions

  constructor(options: GraphRepairOptions) {
    this.#options = options
  }

  /**
   * Call again after a failure: what is already repaired is skipped.
   * @param since milliseconds since 1970
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
    for await (const pages of slicesOf(views, since * 1_000, (Date.now() + aheadMs) * 1_000)) {
      const puts = newestOf(pages)
      const due: string[] = isEachSearched ? [] : [...puts.keys()]
      if (isEachSearched)
        await eachOf([...puts], async ([uuid, put]) => {
          signal.throwIfAborted()
          if (!(await isOnAll(views, pages, uuid, put))) due.push(uuid)
        })
      await eachOf(due, async (uuid) => {
        signal.throwIfAborted()
        if (!(await enter(collection, uuid))) return
        onImages(1)
        done.entered++
      })
      // what replicas copied from each other may be in the graph without its log having been flushed
      await collection.writes.flush([...puts.keys()], 'all')
      done.checked += puts.size
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

/** What one node lists. By uuid. */
type Page = ReadonlyMap<string, Put>

/** What each node lists for the same period, slice by slice. */
async function* slicesOf(views: readonly ImageCollection[], first: number, upTo: number): AsyncGenerator<Page[]> {
  for (let from = first; from <= upTo; ) {
    const where = both(anyToken([everyToken]), putBetween(from, upTo))
    const query = { where, limit: listedAtOnce, properties: ['stamp'] as const, vectors: true }
    const lists = await Promise.all(views.map((view) => view.sorted('stamp', query)))
    const puts = lists.map((list) =>
      list.map(({ uuid, properties, vector }) => [uuid, { stamp: properties.stamp!, vector }] as const),
    )
    // a full list may not contain everything with its last stamp
    const ends = puts.flatMap((list) => (list.length < listedAtOnce ? [] : list.at(-1)![1].stamp - 1))
    const end = Math.max(from, Math.min(upTo, ...ends))
    yield puts.map((list) => new Map(list.filter(([, { stamp }]) => stamp <= end)))
    from = end + 1
  }
}

function newestOf(pages: readonly Page[]): Map<string, Put> {
  const newest = new Map<string, Put>()
  for (const page of pages)
    for (const [uuid, put] of page) if ((newest.get(uuid)?.stamp ?? 0) < put.stamp) newest.set(uuid, put)
  return newest
}

/** Whether each node lists the picture and finds it in its graph. */
async function isOnAll(
  views: readonly ImageCollection[],
  pages: readonly Page[],
  uuid: string,
  { stamp, vector }: Put,
): Promise<boolean> {
  for (const [n, view] of views.entries()) {
    if (pages[n]!.get(uuid)?.stamp !== stamp) return false
    const found = await view.near(Float32Array.from(vector), { limit: nearest, properties: ['stamp'], vectors: false })
    if (!found.some((one) => one.uuid === uuid)) return false
  }
  return true
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

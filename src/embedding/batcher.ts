/**
 * The queue in front of the model, and the rule by which an idle worker takes a batch from it. There is no timer:
 * nothing waits for a batch to fill. What has accumulated while all workers were busy is the next batch, so batches
 * grow with the load and a single picture never waits. Pure: it does not know the workers.
 */

export type Priority = 'interactive' | 'bulk'

export interface BatcherOptions {
  /** Batch sizes that the sessions were warmed up for, ascending, from 1. */
  batchSizes: readonly number[]
  /** Run time of each of them, in the same order; for `padded`. */
  runMs: readonly number[]
  /**
   * true: a batch is padded to the next size if that costs less per picture than the size below (CUDA, where a batch of
   * 8 costs about as much as one of 5). false: it is cut down to the size below, so that nothing is wasted.
   */
  padded: boolean
  /** What computes in parallel: cores, or GPUs, each of which a batch fills; a backlog is divided among them. */
  sharers: number
  /** Pictures that may wait in each priority, so that a bulk job never fills the queue of searches. */
  maxQueue: number
  /** A clock, milliseconds. */
  now(): number
}

export interface Batch<Item> {
  items: Item[]
  priority: Priority
  /** The size to run, ≥ items.length. */
  batchSize: number
}

/**
 * Without padding, bulk runs one by one for this long after a search: the next search should not find every worker busy
 * with a long batch.
 */
const searchesQuietAfterMs = 1000

/** While both kinds wait, bulk gets every fifth batch: searches stay fast and no job starves. */
const interactiveBatchesInARow = 4

export class Batcher<Item> {
  readonly #options: BatcherOptions
  // A Set keeps the order of arrival and removes an abandoned item in constant time.
  readonly #lanes: Record<Priority, Set<Item>> = { interactive: new Set(), bulk: new Set() }
  /** Interactive batches taken since bulk was last served, counted only while bulk waits. */
  #passedOver = 0
  #lastSearchAt = -Infinity

  constructor(options: BatcherOptions) {
    this.#options = options
  }

  /** Number of pictures waiting. */
  get depth(): number {
    return this.#lanes.interactive.size + this.#lanes.bulk.size
  }

  /** Whether `take` is certain to return bulk next. */
  get onlyBulk(): boolean {
    return this.#lanes.interactive.size === 0
  }

  /** @returns false if the queue of this priority is full; the item is then not kept */
  add(item: Item, priority: Priority): boolean {
    const lane = this.#lanes[priority]
    if (lane.size >= this.#options.maxQueue) return false
    if (priority === 'interactive') this.#lastSearchAt = this.#options.now()
    lane.add(item)
    return true
  }

  /** @returns whether the item was still waiting */
  remove(item: Item): boolean {
    return this.#lanes.interactive.delete(item) || this.#lanes.bulk.delete(item)
  }

  /**
   * The next batch, without items if nothing waits. Of one priority only: a search never waits for seven bulk pictures
   * in its batch.
   */
  take(): Batch<Item> {
    const lane = this.#nextLane()
    const { items, batchSize } = this.#measure(lane)
    return { items: takeFirst(lane, items), priority: lane === this.#lanes.bulk ? 'bulk' : 'interactive', batchSize }
  }

  /** Empties the queue and returns its content. */
  drain(): Item[] {
    return [...takeFirst(this.#lanes.interactive, Infinity), ...takeFirst(this.#lanes.bulk, Infinity)]
  }

  #nextLane(): Set<Item> {
    const { interactive, bulk } = this.#lanes
    if (bulk.size === 0 || interactive.size === 0) {
      this.#passedOver = 0
      return bulk.size === 0 ? interactive : bulk
    }
    if (this.#passedOver >= interactiveBatchesInARow) {
      this.#passedOver = 0
      return bulk
    }
    this.#passedOver += 1
    return interactive
  }

  #measure(lane: Set<Item>): { items: number; batchSize: number } {
    const { batchSizes, padded, sharers, now } = this.#options
    const share = Math.ceil(lane.size / sharers)
    if (padded) {
      const batchSize = this.#cheapestFor(share)
      return { items: Math.min(lane.size, batchSize), batchSize }
    }
    const below = batchSizes.findLast((size) => size <= share) ?? 1
    const yields = lane === this.#lanes.bulk && now() - this.#lastSearchAt < searchesQuietAfterMs
    return yields ? { items: 1, batchSize: 1 } : { items: below, batchSize: below }
  }

  /** Of the size above and the one below, the one with the shorter run time per picture. */
  #cheapestFor(images: number): number {
    const { batchSizes, runMs } = this.#options
    const above = batchSizes.findIndex((size) => size >= images)
    if (above === -1) return batchSizes.at(-1)!
    const below = above - 1
    if (below < 0 || batchSizes[above] === images) return batchSizes[above]!
    return runMs[below]! / batchSizes[below]! < runMs[above]! / images ? batchSizes[below]! : batchSizes[above]!
  }
}

function takeFirst<Item>(lane: Set<Item>, count: number): Item[] {
  const taken: Item[] = []
  for (const item of lane) {
    if (taken.length >= count) break
    taken.push(item)
    lane.delete(item)
  }
  return taken
}

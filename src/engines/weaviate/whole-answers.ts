/**
 * Answers that leave nothing out, and take enough replicas into account: the server (1.39.0) silently omits the shards
 * of nodes that are down from lists, searches, counts and removals, if no other node has a replica of them. Therefore it
 * is asked after each answer which shards its nodes have, unless each node has all of them. A node that has just died or
 * was cut off still counts, so nothing is omitted: requests for its shards fail.
 */
import { AlikeError } from '../../errors.js'
import { OneAfterAnother } from '../../one-after-another.js'

/** Of `GET /v1/nodes/{collection}`: a node that is down has none. */
export interface NodeShards {
  shards?: { name: string }[] | null
}

export interface ShardLayout {
  shards: number
  replicas: number
}

export type Nodes = readonly NodeShards[] | 'starting' | undefined

export interface ShardQuestions {
  /** As created. */
  layout(collection: string): Promise<ShardLayout>
  /** Those that a node counts; undefined while one of them does not respond. */
  nodes(collection: string): Promise<Nodes>
}

/**
 * Collections whose shards are all on the same nodes: one of them answers for all shards or for none. Valid for every
 * node.
 */
export type Undivided = Set<string>

export class WholeAnswers {
  readonly #ask: ShardQuestions
  readonly #undivided: Undivided
  readonly #layouts = new Map<string, ShardLayout>()
  /** Questions about each collection, and the one that begins once the current one is answered. */
  readonly #questions = new Map<string, OneAfterAnother>()
  readonly #next = new Map<string, Promise<Nodes>>()

  constructor(ask: ShardQuestions, undivided: Undivided) {
    this.#ask = ask
    this.#undivided = undivided
  }

  /** Call it after the answer. @throws AlikeError `engine_unreachable` if the answer may lack a shard */
  async expect(collection: string): Promise<void> {
    if (this.#undivided.has(collection)) return
    const { shards, replicas } = await this.#layoutOf(collection)
    const nodes = shards === 1 ? [] : await this.#nodesFromNow(collection)
    // it may have been left out before it started
    if (nodes === 'starting' && replicas === 1)
      throw new AlikeError('engine_unreachable', { detail: 'A node is starting.' })
    if (nodes === undefined || nodes === 'starting') return
    const namesOf = nodes.map((node) => new Set(node.shards?.map(({ name }) => name)))
    if (shards === 1 || namesOf.filter(({ size }) => size >= shards).length >= replicas) this.#undivided.add(collection)
    else if (new Set(namesOf.flatMap((names) => [...names])).size < shards)
      throw new AlikeError('engine_unreachable', { detail: 'Some shards of the gallery are on nodes that are down.' })
  }

  /**
   * A quorum is one of the replicas on nodes that the node counts, and a node that was cut off counts the others only
   * some time after it reaches them again.
   * @throws AlikeError `engine_unreachable` if it counts less than a majority of the replicas of a shard
   */
  async expectMajority(collection: string): Promise<void> {
    const { replicas } = await this.#layoutOf(collection)
    const nodes = replicas === 1 ? undefined : await this.#ask.nodes(collection)
    if (nodes === undefined || nodes === 'starting') return
    const silent = nodes.filter(({ shards }) => !shards).length
    const counts = new Map<string, number>()
    for (const { shards } of nodes) for (const { name } of shards ?? []) counts.set(name, (counts.get(name) ?? 0) + 1)
    if (Math.min(...counts.values()) + silent <= replicas / 2)
      throw new AlikeError('engine_unreachable', { detail: 'The node does not count enough of the others.' })
  }

  async #layoutOf(collection: string): Promise<ShardLayout> {
    const layout = this.#layouts.get(collection) ?? (await this.#ask.layout(collection))
    this.#layouts.set(collection, layout)
    return layout
  }

  /** Asked after the call, and once for all that wait. */
  #nodesFromNow(collection: string): Promise<Nodes> {
    const waiting = this.#next.get(collection)
    if (waiting !== undefined) return waiting
    const questions = this.#questions.get(collection) ?? new OneAfterAnother()
    this.#questions.set(collection, questions)
    const nodes = questions.run(() => {
      this.#next.delete(collection)
      return this.#ask.nodes(collection)
    })
    this.#next.set(collection, nodes)
    return nodes
  }
}

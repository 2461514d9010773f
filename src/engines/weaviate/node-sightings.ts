/**
 * When each node of the server was last seen, and until when its indexes are known to be complete. A node that is killed may have pictures
 * in its store that are missing from its indexes (ADR 0020): from when it was last seen until it has been repaired, it is in doubt.
 */

/** Whether a node responds, is down, or has not answered in time. */
export type Sighting = 'here' | 'away' | 'unknown'

/** By node name: until when its indexes are known to be complete; milliseconds since 1970. */
export type SoundUntil = Record<string, number>

/** What one process leaves to the next. */
export interface KnownNodes {
  soundUntil: SoundUntil
  /** Since when no process has watched the nodes; undefined if one has. */
  before?: number | undefined
  /** Of a server that is a single node, which has not restarted since `soundUntil` if its term is still this one. */
  term?: number | undefined
}

/** Longer than a look that another node delays. A node unseen for this long may have restarted in the meantime. */
const unseenMs = 10_000

interface Node {
  soundUntil: number
  /** Without interruption, as far as this process knows; Infinity until it has looked. */
  hereSince: number
  seenAt: number
  isAway: boolean
  /** Since it was last sound; otherwise it is in doubt only because nobody looked for a moment, between two processes. */
  wasGone: boolean
}

const isInDoubt = ({ soundUntil, hereSince, isAway }: Node): boolean => isAway || soundUntil < hereSince

interface Look {
  seen: ReadonlyMap<string, Sighting>
  now: number
  term: number | undefined
}

export class NodeSightings {
  readonly #nodes: Map<string, Node>
  /** Applies to nodes found by the first look. */
  #before: number | undefined
  #isComplete = false
  /** As last seen, by this process or the previous one. */
  #term: number | undefined

  constructor({ soundUntil, before, term }: KnownNodes = { soundUntil: {} }) {
    this.#before = before
    this.#term = term
    const noted = Object.entries(soundUntil)
    this.#nodes = new Map(
      noted.map(([name, at]) => [
        name,
        { soundUntil: at, hereSince: Infinity, seenAt: at, isAway: false, wasGone: false },
      ]),
    )
  }

  /** A node may come back with another address: it is taken for the one that has been gone for longest. */
  #takeGone(seen: ReadonlyMap<string, Sighting>): Node | undefined {
    const gone = [...this.#nodes].filter(([name, { isAway }]) => isAway && !seen.has(name))
    const [first] = gone.sort(([, a], [, b]) => a.soundUntil - b.soundUntil)
    if (first !== undefined) this.#nodes.delete(first[0])
    return first?.[1]
  }

  /** To be recorded: since when no process has seen all nodes. */
  get before(): number | undefined {
    return this.#before
  }

  /** To be recorded. */
  get soundUntil(): SoundUntil {
    return Object.fromEntries([...this.#nodes].map(([name, { soundUntil }]) => [name, soundUntil]))
  }

  /** To be recorded: undefined while a node is in doubt, or if there are several. */
  get term(): number | undefined {
    const [node, ...others] = this.#nodes.values()
    if (node === undefined || others.length > 0 || !this.#isComplete) return undefined
    return isInDoubt(node) ? undefined : this.#term
  }

  /**
   * @param seen a node missing from it is away: the server forgets nodes that have been down for a while
   * @param term of a single node; undefined if it is not known
   */
  record(seen: ReadonlyMap<string, Sighting>, now: number, term?: number): void {
    this.#isComplete = [...seen.values()].every((sighting) => sighting === 'here')
    for (const [name, node] of this.#nodes)
      if ((seen.get(name) ?? 'away') === 'away') Object.assign(node, { isAway: true, wasGone: true })
    for (const [name, sighting] of seen) if (sighting === 'here') this.#see(name, { seen, now, term })
    this.#term = seen.size === 1 ? (term ?? this.#term) : undefined
    if (this.#isComplete) this.#before = undefined
  }

  #see(name: string, { seen, now, term }: Look): void {
    // the clock of the process that noted it may be ahead, here and below
    const at = Math.min(this.#before ?? now, now)
    const node = this.#nodes.get(name) ??
      this.#takeGone(seen) ?? { soundUntil: at, hereSince: at, seenAt: at, isAway: false, wasGone: false }
    this.#nodes.set(name, node)
    const isSameTerm = term !== undefined && term === this.#term
    const isOtherTerm = term !== undefined && this.#term !== undefined && term !== this.#term
    const wasGone = isOtherTerm || (!isSameTerm && (node.isAway || now - node.seenAt > unseenMs))
    node.wasGone ||= wasGone
    if (wasGone || (node.hereSince === Infinity && !isSameTerm)) {
      node.hereSince = now
      node.soundUntil = Math.min(node.soundUntil, now - 1)
    } else if (node.hereSince === Infinity) node.hereSince = Math.min(node.soundUntil, now)
    node.isAway = false
    node.seenAt = now
    // while a node starts its term is not known yet
    const isTermMissing = seen.size === 1 && this.#term !== undefined && term === undefined
    if (isInDoubt(node) || isTermMissing) return
    node.soundUntil = now
    node.wasGone = false
  }

  /** Since when pictures may be missing from an index; undefined if none are, or while a node does not respond. */
  get inDoubtSince(): number | undefined {
    const returned = [...this.#nodes.values()].filter((node) => isInDoubt(node) && !node.isAway)
    if (!this.#isComplete || returned.length === 0) return undefined
    return Math.min(...returned.map(({ soundUntil }) => soundUntil))
  }

  /** Nodes that probably lack what others have, including those that do not respond. */
  get inDoubt(): string[] {
    return [...this.#nodes].flatMap(([name, node]) => (isInDoubt(node) && node.wasGone ? [name] : [])).sort()
  }

  /** Everything stored before `began` is in the indexes of the nodes that have been there since. */
  repaired(began: number): void {
    for (const node of this.#nodes.values())
      if (!node.isAway && node.hereSince <= began) node.soundUntil = Math.max(node.soundUntil, began)
  }
}

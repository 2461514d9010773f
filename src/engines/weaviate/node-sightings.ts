/**
 * When each node of the server was last seen, and until when its indexes are known to be complete. A node that is killed may have pictures
 * in its store that are missing from its indexes (ADR 0020): from when it was last seen until it has been repaired, it is in doubt.
 */

/** Whether a node responds, is down, or has not answered in time. */
export type Sighting = 'here' | 'away' | 'unknown'

/** By node name: until when its indexes are known to be complete; milliseconds since 1970. */
export type SoundUntil = Record<string, number>

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

export class NodeSightings {
  readonly #nodes: Map<string, Node>
  /** Applies to nodes found by the first look. */
  #before: number | undefined
  #isComplete = false

  /**
   * @param soundUntil as the previous process recorded it
   * @param before since when no process has watched the nodes; undefined if one has
   */
  constructor(soundUntil: SoundUntil = {}, before?: number) {
    this.#before = before
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

  /** @param seen a node missing from it is away: the server forgets nodes that have been down for a while */
  record(seen: ReadonlyMap<string, Sighting>, now: number): void {
    this.#isComplete = [...seen.values()].every((sighting) => sighting === 'here')
    for (const [name, node] of this.#nodes)
      if ((seen.get(name) ?? 'away') === 'away') Object.assign(node, { isAway: true, wasGone: true })
    for (const [name, sighting] of seen) if (sighting === 'here') this.#see(name, seen, now)
    if (this.#isComplete) this.#before = undefined
  }

  #see(name: string, seen: ReadonlyMap<string, Sighting>, now: number): void {
    const at = this.#before ?? now
    const node = this.#nodes.get(name) ??
      this.#takeGone(seen) ?? { soundUntil: at, hereSince: at, seenAt: at, isAway: false, wasGone: false }
    this.#nodes.set(name, node)
    if (node.isAway || now - node.seenAt > unseenMs) node.wasGone = true
    if (node.hereSince === Infinity || node.isAway || now - node.seenAt > unseenMs) node.hereSince = now
    node.isAway = false
    node.seenAt = now
    if (isInDoubt(node)) return
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

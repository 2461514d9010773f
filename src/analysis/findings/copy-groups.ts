/** Groups of near-copies: if A resembles B and B resembles C, they form one group, whatever A and C score. */
import { type Apart, noneApart } from './settled.js'

export class CopyGroups {
  /** Parent of each picture on the path to the first picture of its group (union–find, Tarjan 1975). */
  readonly #parents: Uint32Array
  /** Best score of each picture with another of its group; −1 without one. */
  readonly #scores: Float32Array

  constructor(size: number) {
    this.#parents = Uint32Array.from({ length: size }, (_, i) => i)
    this.#scores = new Float32Array(size).fill(-1)
  }

  /** Pictures with the same bytes are copies, whatever the index finds. @param apart except those decided not to be */
  static ofContent(contentHashes: readonly string[], apart: Apart = noneApart): CopyGroups {
    const groups = new CopyGroups(contentHashes.length)
    // The first picture that no decision concerns joins all others of its content. Comparing each with each would take
    // hours for a placeholder that is stored a million times.
    const freeOf = new Map<string, number>()
    const decidedOf = new Map<string, number[]>()
    contentHashes.forEach((hash, position) => {
      const free = freeOf.get(hash)
      const decided = decidedOf.get(hash) ?? []
      if (free !== undefined) groups.join(free, position, 1)
      if (apart.concerns(position)) {
        for (const other of decided) if (!apart.areApart(other, position)) groups.join(other, position, 1)
        decidedOf.set(hash, decided)
        decided.push(position)
      } else if (free === undefined) {
        for (const other of decided) groups.join(other, position, 1)
        freeOf.set(hash, position)
      }
    })
    return groups
  }

  join(a: number, b: number, score: number): void {
    for (const position of [a, b]) this.#scores[position] = Math.max(this.#scores[position]!, score)
    const [rootA, rootB] = [this.groupOf(a), this.groupOf(b)]
    // the smaller position is the root, so that groups do not depend on the order of joining
    this.#parents[Math.max(rootA, rootB)] = Math.min(rootA, rootB)
  }

  /** The lowest position in the group, which identifies it. */
  groupOf(position: number): number {
    let root = position
    while (this.#parents[root] !== root) {
      this.#parents[root] = this.#parents[this.#parents[root]!]!
      root = this.#parents[root]!
    }
    return root
  }

  score(position: number): number {
    return this.#scores[position]!
  }

  /** Groups of two or more, largest first, then by their first picture; positions ascending. */
  list(): number[][] {
    const members = new Map<number, number[]>()
    for (let position = 0; position < this.#parents.length; position++) {
      if (this.#scores[position]! < 0) continue
      const group = this.groupOf(position)
      const own = members.get(group)
      if (own === undefined) members.set(group, [position])
      else own.push(position)
    }
    return [...members.values()].sort((a, b) => b.length - a.length || a[0]! - b[0]!)
  }
}

/** Name of the group of each picture: its copies share it, or those with the same bytes if copies are not compared. */
export function groupsOf(
  contentHashes: readonly string[],
  copies: CopyGroups | undefined,
): (position: number) => string {
  return (position) => (copies === undefined ? contentHashes[position]! : String(copies.groupOf(position)))
}

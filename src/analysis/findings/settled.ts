/** Questions that have already been decided, so that no report raises them again. */
import type { Images } from './images.js'

/** A decision, as far as reports need it. */
export interface Answered {
  kind: 'label' | 'copies'
  decision: string
  /** As of the decision: if anything has changed since, the question arises again. */
  images: readonly { id: string; contentHash: string; label: string | null }[]
}

/** Pairs that must not be joined although they look like copies. */
export interface Apart {
  areApart(a: number, b: number): boolean
  /** Whether there is a decision about this picture; without one it is apart from none. */
  concerns(position: number): boolean
  /** Decisions that have kept pairs apart so far. */
  readonly count: number
}

export const noneApart: Apart = { areApart: () => false, concerns: () => false, count: 0 }

export class Settled {
  readonly #labels = new Set<number>()
  /** Position → indices of the decisions about copies that involve it. */
  readonly #copies = new Map<number, number[]>()
  readonly #answers: readonly Answered[]

  constructor({ ids, labels, contentHashes }: Images, answers: readonly Answered[]) {
    this.#answers = answers
    if (answers.length === 0) return
    const positions = new Map(ids.map((id, position) => [id, position]))
    for (const [index, { kind, images }] of answers.entries()) {
      for (const { id, contentHash, label } of images) {
        const position = positions.get(id)
        if (position === undefined || contentHashes[position] !== contentHash) continue
        if (kind === 'copies') this.#copies.set(position, [...(this.#copies.get(position) ?? []), index])
        else if (labels[position] === label) this.#labels.add(position)
      }
    }
  }

  /** Whether its current label was decided on. */
  hasLabel(position: number): boolean {
    return this.#labels.has(position)
  }

  /** @param decisions kinds of decisions about copies to apply: `not-copies`, or `dismissed` too */
  apart(decisions: readonly string[]): Apart {
    const used = new Set<number>()
    return {
      areApart: (a, b) => {
        const both = this.#copies
          .get(a)
          ?.find((index) => this.#copies.get(b)?.includes(index) && this.#counts(index, decisions))
        if (both !== undefined) used.add(both)
        return both !== undefined
      },
      concerns: (position) => this.#copies.has(position),
      get count() {
        return used.size
      },
    }
  }

  #counts(index: number, decisions: readonly string[]): boolean {
    return decisions.includes(this.#answers[index]!.decision)
  }
}

export const nothingSettled = new Settled({ ids: [], labels: [], contentHashes: [] }, [])

/** Questions that somebody has answered already, so that no report asks them again. */
import type { Images } from './images.js'

/** What was decided, as far as reports need it. */
export interface Answered {
  kind: 'label' | 'copies'
  decision: string
  /** As they were after the decision: of what has changed since, the question is a new one. */
  images: readonly { id: string; contentHash: string; label: string | null }[]
}

/** Pairs that are not to be joined although they look like copies. */
export interface Apart {
  areApart(a: number, b: number): boolean
  /** Decisions that have kept a pair apart so far. */
  readonly count: number
}

export const noneApart: Apart = { areApart: () => false, count: 0 }

export class Settled {
  readonly #labels = new Set<number>()
  /** Decisions about copies by position: their indexes. */
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

  /** Whether the label that it has was decided on. */
  hasLabel(position: number): boolean {
    return this.#labels.has(position)
  }

  /** @param decisions about copies that count: `not-copies`, or `dismissed` too */
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

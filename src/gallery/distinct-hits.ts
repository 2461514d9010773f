/** The hits of a list without near-copies of better ones; later hits move up. */
import { withoutCopies } from '../ranking/near-copies.js'
import type { SetCopies } from './engine.js'
import type { HitRecord } from './hit-record.js'
import type { HitList, UnrankedHit } from './hits.js'

export interface DistinctHitsOptions {
  hits: HitList
  copies: Pick<SetCopies, 'likeness'>
  /** Hits with at least this near-copy score to a better hit are left out; identical files always are. */
  duplicateScore: number
  /** Maximum number of hits of the list that are examined. */
  candidatesMax: number
  /** Hits of another list that were already shown: they and their copies are left out. */
  better?: readonly UnrankedHit[]
}

/** Most and fewest hits compared in one call: between two calls the copies thread answers other searches. */
const blockMax = 32
const blockMin = 8
/**
 * A hit is compared with this many of the best hits that are kept: enough for every page of hits, a limit for groups.
 */
const comparedMax = 1_000

export class DistinctHits implements HitList {
  readonly #options: DistinctHitsOptions
  readonly #betterCount: number
  readonly #kept: UnrankedHit[]
  readonly #contents: Set<string>
  #looked = 0
  #ended = false

  constructor(options: DistinctHitsOptions) {
    this.#options = options
    this.#kept = [...(options.better ?? [])]
    this.#contents = new Set(this.#kept.map(({ record }) => record.contentHash))
    this.#betterCount = this.#kept.length
  }

  get isCut(): boolean {
    return this.#looked === this.#options.candidatesMax
  }

  async first(count: number): Promise<UnrankedHit[]> {
    while (!this.#ended && this.#kept.length - this.#betterCount < count)
      await this.#fetchMore(count - (this.#kept.length - this.#betterCount))
    return this.#kept.slice(this.#betterCount, this.#betterCount + count)
  }

  /**
   * Nothing is recorded until everything is known, so that a page that failed can be requested again.
   * @param needed hits still to be found
   */
  async #fetchMore(needed: number): Promise<void> {
    const { hits, copies, duplicateScore, candidatesMax } = this.#options
    const end = Math.min(this.#looked + Math.min(blockMax, Math.max(blockMin, needed)), candidatesMax)
    const looked = (await hits.first(end)).slice(this.#looked)
    const block = this.#ofNewContent(looked)
    if (block.length > 0) {
      const originals = this.#kept.slice(0, comparedMax)
      const likeness = await copies.likeness(block.length, recordsOf([...originals, ...block]), duplicateScore)
      for (const stays of withoutCopies({ likeness, count: block.length, kept: originals.length, duplicateScore }))
        this.#kept.push(block[stays]!)
      for (const { record } of block) this.#contents.add(record.contentHash)
    }
    this.#looked += looked.length
    this.#ended = this.#looked < end || end === candidatesMax
  }

  #ofNewContent(hits: readonly UnrankedHit[]): UnrankedHit[] {
    const seen = new Set<string>()
    return hits.filter(({ record: { contentHash } }) => {
      if (this.#contents.has(contentHash) || seen.has(contentHash)) return false
      seen.add(contentHash)
      return true
    })
  }
}

function recordsOf(hits: readonly UnrankedHit[]): HitRecord[] {
  return hits.map(({ record }) => record)
}

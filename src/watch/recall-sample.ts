/**
 * Recall of the serving index: a sample of searches is repeated in the background, once with the graph and once
 * exactly, and the best hits are compared. One at a time, and at most a hundredth of the time.
 */

import type { GallerySearch } from '../gallery/gallery-search.js'
import type { GallerySearches } from '../gallery/gallery-searches.js'
import type { UnrankedHit } from '../gallery/hits.js'

export interface RecallSampleOptions {
  searches: Pick<GallerySearches, 'search'>
  /** One search in this many; 0: none. */
  every: number
  /** Best hits of the exact scan, and how many of them the graph found. */
  onSample(expected: number, found: number): void
  /** A repetition failed: the gallery is gone, or the index has no capacity. */
  onFailure(error: unknown): void
}

const k = 10
/** Pause between two repetitions, as a multiple of the last one's duration. */
const restFactor = 100

export class RecallSample {
  readonly #options: RecallSampleOptions
  #seen = 0
  #isAtWork = false
  #restUntil = 0

  constructor(options: RecallSampleOptions) {
    this.#options = options
  }

  /** Called for a search answered by the graph. */
  offer(gallery: string, { vector, filter, ef }: Pick<GallerySearch, 'vector' | 'filter' | 'ef'>): void {
    const { every } = this.#options
    if (every === 0 || ++this.#seen % every !== 0) return
    if (this.#isAtWork || performance.now() < this.#restUntil) return
    this.#isAtWork = true
    void this.#repeat(gallery, { vector, filter, ef })
  }

  async #repeat(gallery: string, terms: Pick<GallerySearch, 'vector' | 'filter' | 'ef'>): Promise<void> {
    const { searches, onSample, onFailure } = this.#options
    const startedAt = performance.now()
    try {
      const search = { ...terms, k, metadata: false }
      const [byGraph, exact] = [
        await searches.search(gallery, search),
        await searches.search(gallery, { ...search, exact: true }),
      ]
      if (byGraph.method !== 'hnsw') return
      onSample(exact.hits.length, foundOf(exact.hits, byGraph.hits))
    } catch (error) {
      onFailure(error)
    } finally {
      const now = performance.now()
      this.#restUntil = now + restFactor * (now - startedAt)
      this.#isAtWork = false
    }
  }
}

/**
 * How many of the best hits the graph found. Of equally good ones it may return others: a gallery that holds a
 * placeholder a thousand times has more best hits than fit in a list.
 */
function foundOf(exact: readonly UnrankedHit[], byGraph: readonly UnrankedHit[]): number {
  const [best, worst] = [new Set(exact.map(({ record }) => record.id)), exact.at(-1)?.score ?? 1]
  const found = byGraph.filter(({ record, score }) => best.has(record.id) || score >= worst)
  return Math.min(found.length, exact.length)
}

/** Human judgements of hits, grouped by query, and the quality of current rankings according to them. */

import { type LabelledEmbeddings, RankedGallery } from '../../eval/ranking.js'
import { type JudgedRanking, qualityOfVerdicts } from '../../eval/verdict-quality.js'
import { type CopyGroups, groupsOf } from './copy-groups.js'
import type { EmbeddedImages } from './evaluation.js'
import type { VerdictReport } from './quality-report.js'
import { drawSample } from './sample.js'

/** A stored picture, the SHA-256 of its bytes, or a key without meaning here. */
type JudgedQuery = { id: string } | { contentHash: string } | { key: string }

/** The required part of a judgement. */
export interface JudgedHit {
  query: JudgedQuery
  /** Id of a stored picture. */
  hit: string
  verdict: 'right' | 'wrong'
}

export interface VerdictOptions {
  /** Maximum queries. */
  sample: number
  seed: number
  /** Pictures in the same group never count as hits of each other; default: groups of equal content. */
  copies?: CopyGroups | undefined
  /** Number of best hits that expand each query. Default: none. */
  expand?: number | undefined
  onSample?(queries: number): void
  onQuery?(): void
}

/** Judgements of one gallery; if several people judged the same hit, the majority counts. */
export class Verdicts {
  readonly #images: EmbeddedImages
  readonly #positions: ReadonlyMap<string, number>
  readonly #positionOfHash = new Map<string, number>()
  /** By position of the query: votes for minus votes against, by position of the hit. */
  readonly #balance = new Map<number, Map<number, number>>()
  #given = 0

  constructor(images: EmbeddedImages) {
    this.#images = images
    this.#positions = new Map(images.ids.map((id, position) => [id, position]))
    images.contentHashes.forEach((hash, position) => this.#positionOfHash.set(hash, position))
  }

  add(judgements: readonly JudgedHit[]): void {
    for (const { query, hit, verdict } of judgements) {
      this.#given++
      const [from, to] = [this.#positionOf(query), this.#positions.get(hit)]
      if (from === undefined || to === undefined) continue
      const balance = this.#balance.get(from) ?? new Map<number, number>()
      this.#balance.set(from, balance)
      balance.set(to, (balance.get(to) ?? 0) + (verdict === 'right' ? 1 : -1))
    }
  }

  /** Undefined without judgements. Ranks exactly, one query after the other. */
  report({ sample, seed, copies, expand, onSample, onQuery }: VerdictOptions): VerdictReport | undefined {
    if (this.#given === 0) return undefined
    const queries = [...this.#balance.keys()].sort((a, b) => a - b)
    const drawn = Array.from(drawSample(queries.length, sample, seed), (place) => queries[place]!)
    onSample?.(drawn.length)
    const gallery = comparable(this.#images, copies)
    const ranked = new RankedGallery(gallery)
    const rankings: JudgedRanking[] = []
    let hits = 0
    for (const query of drawn) {
      const balance = this.#balance.get(query)!
      const positions = ranked.rank(gallery, query, { excludeOwnGroup: true, expand })
      const ranking = Array.from(positions, (position) => verdictOf(balance.get(position)))
      const known = ranking.filter((verdict) => verdict !== undefined).length
      if (known > 0) rankings.push(ranking)
      hits += known
      onQuery?.()
    }
    return { judgements: this.#given, queries: rankings.length, hits, ...qualityOfVerdicts(rankings, { seed }) }
  }

  #positionOf(query: JudgedQuery): number | undefined {
    if ('id' in query) return this.#positions.get(query.id)
    return 'contentHash' in query ? this.#positionOfHash.get(query.contentHash) : undefined
  }
}

function verdictOf(balance: number | undefined): boolean | undefined {
  return balance === undefined || balance === 0 ? undefined : balance > 0
}

/** All pictures, because judgements need no labels. */
function comparable(
  { ids, contentHashes, vectors, dimension }: EmbeddedImages,
  copies: CopyGroups | undefined,
): LabelledEmbeddings {
  return {
    ids,
    labels: ids.map(() => ''),
    groups: Array.from(ids.keys(), groupsOf(contentHashes, copies)),
    embeddings: vectors.subarray(0, ids.length * dimension),
    dimension,
  }
}

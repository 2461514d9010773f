/** Exact ranking of labelled embeddings: score descending, then id ascending. */
import { dot } from '../cosine.js'
import { expandedQuery } from '../ranking/query-expansion.js'

export interface LabelledEmbeddings {
  ids: readonly string[]
  labels: readonly string[]
  /** Duplicate group of each picture; pictures in one group never count as hits of each other. */
  groups: readonly (string | number)[]
  /** [n, dimension], rows of unit length. */
  embeddings: Float32Array
  dimension: number
}

/** Maximum number of hits that expand a query, in searches and evaluations. */
export const expandMax = 100

export interface RankOptions {
  /** Leave out the query itself and its duplicate group. */
  excludeOwnGroup: boolean
  /** Number of best hits that expand the query. Default 0. */
  expand?: number | undefined
}

/** Positions fit beside a 32-bit score in a number's 53 exact bits. */
const maxGallerySize = 2 ** 21

/** A gallery prepared for many queries; rows are ordered by id. */
export class RankedGallery {
  readonly size: number
  readonly #source: LabelledEmbeddings
  readonly #order: Uint32Array
  readonly #rows: Float32Array
  readonly #scores: Float32Array
  readonly #scoreBits: Uint32Array
  readonly #keys: Float64Array

  constructor(gallery: LabelledEmbeddings) {
    this.size = gallery.ids.length
    if (this.size > maxGallerySize) throw new RangeError(`a gallery of ${this.size} is too large to rank exactly`)
    this.#source = gallery
    this.#order = orderOfIds(gallery.ids)
    this.#rows = gatherRows(gallery, this.#order)
    this.#scores = new Float32Array(this.size)
    this.#scoreBits = new Uint32Array(this.#scores.buffer)
    this.#keys = new Float64Array(this.size)
  }

  /**
   * Gallery positions from best to worst.
   * @param query row of `queries`
   */
  rank(queries: LabelledEmbeddings, query: number, { excludeOwnGroup, expand = 0 }: RankOptions): Uint32Array {
    if (queries.dimension !== this.#source.dimension)
      throw new RangeError('embeddings of different dimensions are never compared')
    const isOut = (position: number) => excludeOwnGroup && this.#isOwn(queries, query, position)
    const vector = vectorAt(queries, query)
    const ranked = this.#ranked(vector, isOut)
    if (expand === 0) return ranked
    const hits = Array.from(ranked.subarray(0, expand), (position) => {
      const hit = vectorAt(this.#source, position)
      return { score: dot(vector, hit, 0), vector: hit }
    })
    return this.#ranked(expandedQuery(vector, hits), isOut)
  }

  #ranked(vector: Float32Array, isOut: (position: number) => boolean): Uint32Array {
    scoreRows(vector, this.#rows, this.#scores)
    let kept = 0
    for (let i = 0; i < this.size; i++) {
      if (isOut(this.#order[i]!)) continue
      this.#keys[kept++] = (0xffffffff - sortableBits(this.#scoreBits[i]!)) * maxGallerySize + i
    }
    // typed arrays sort numbers natively; equal scores end up in order of their ids
    const sorted = this.#keys.subarray(0, kept).sort()
    return Uint32Array.from(sorted, (key) => this.#order[key % maxGallerySize]!)
  }

  #isOwn(queries: LabelledEmbeddings, query: number, position: number): boolean {
    return queries.groups[query] === this.#source.groups[position] || queries.ids[query] === this.#source.ids[position]
  }
}

function vectorAt({ embeddings, dimension }: LabelledEmbeddings, position: number): Float32Array {
  return embeddings.subarray(position * dimension, (position + 1) * dimension)
}

/** Dot product of the query with every row; equals the cosine, because all have unit length. */
export function scoreRows(query: Float32Array, rows: Float32Array, scores: Float32Array): void {
  // adding zero turns −0, which would sort differently, into 0
  for (let row = 0; row < scores.length; row++) scores[row] = dot(query, rows, row * query.length) + 0
}

/** Bits of a float32 → unsigned integer with the same order, so that scores sort natively together with a payload. */
export function sortableBits(bits: number): number {
  return (bits & 0x80000000 ? ~bits : bits | 0x80000000) >>> 0
}

function orderOfIds(ids: readonly string[]): Uint32Array {
  return Uint32Array.from(ids, (_, i) => i).sort((a, b) => (ids[a]! < ids[b]! ? -1 : ids[a]! > ids[b]! ? 1 : 0))
}

/** Rows already in order are used in place. */
function gatherRows(images: LabelledEmbeddings, order: Uint32Array): Float32Array {
  return order.every((position, i) => position === i) ? images.embeddings : rowsAt(images, order).embeddings
}

/** The pictures at these positions, copied. */
export function rowsAt(images: LabelledEmbeddings, positions: Iterable<number>): LabelledEmbeddings {
  const { ids, labels, groups, dimension } = images
  const taken = [...positions]
  const rows = new Float32Array(taken.length * dimension)
  taken.forEach((position, i) => rows.set(vectorAt(images, position), i * dimension))
  return {
    ids: taken.map((position) => ids[position]!),
    labels: taken.map((position) => labels[position]!),
    groups: taken.map((position) => groups[position]!),
    embeddings: rows,
    dimension,
  }
}

/**
 * A search by graph. The graph is asked for candidates until enough of them count, these are compared in full, and so are
 * the vectors that the graph does not hold yet; where very many wait to be linked, their coarse codes say which.
 */
import { type Direction, scoreTolerance } from '../../../cosine.js'
import type { HnswGraph } from './hnsw-graph.js'
import { Nearest } from './nearest.js'
import type { SlotVectorStore } from './slot-vectors.js'
import type { Neighbour } from './vector-index.js'

/**
 * What one candidate of a graph search costs, counted in comparisons of an exact scan: measured at
 * 4 to 9 between 128 and 512 dimensions, less where those that a filter allows lie scattered in memory. Decides when a scan is the cheaper way; ties go to the scan.
 */
const comparisonsPerCandidate = 5
/** Coarse codes compared in the time of one comparison in full: measured at 5 at 527 dimensions, by processor time. */
const codesPerComparison = 5

/**
 * Each candidate that crosses from the library costs time: of a short page only the nearest are
 * taken, with so many more that where the equals of the k-th one end is nearly always seen.
 */
const shortPage = { k: 32, spare: 4 }

/**
 * By their codes so many of the waiting vectors are chosen to be compared in full, for each neighbour asked for, and so
 * many at least. Of the 10 true neighbours 0.997 and more were among them, in galleries of one class too.
 */
const comparedByCode = { each: 32, least: 1_000 }

/** A graph and how many of its nodes are live. */
export interface LiveGraph {
  graph: HnswGraph
  live: number
  /** No live slot below it is missing from the graph. */
  cursor: number
}

export interface GraphSearch {
  query: Direction
  /** At most `depth`. */
  k: number
  /** How many neighbours the graph must be sure of: what decides which it finds. */
  depth: number
  /** Ascending; all live slots when left out. */
  allow?: Uint32Array | undefined
  /** How many those are, at most. */
  allowed: number
  /** As the request names it. */
  ef?: number | undefined
  /** When it names none, the least. */
  efDefault: number
}

export interface GraphAnswer {
  neighbours: Neighbour[]
  method: 'hnsw'
  /** Candidates that the graph was asked to keep; left out when it held nothing yet. */
  ef?: number
}

/**
 * Asks for more and more candidates until the last allowed one of the depth lies in their nearer two thirds:
 * near the end of the list the graph misses neighbours. Undefined when a scan is the cheaper way.
 */
export function searchGraph(
  vectors: SlotVectorStore,
  serving: LiveGraph,
  search: GraphSearch,
): GraphAnswer | undefined {
  const { graph, live } = serving
  const { depth, ef, allowed } = search
  if (graph.count === 0) return searchWaiting(vectors, serving, search)
  // What share of the graph's nodes counts, if the allowed ones lie anywhere: the first guess.
  const share = Math.max(1 / graph.count, (allowed / vectors.size) * (live / graph.count))
  let wanted = Math.ceil(
    ef === undefined
      ? Math.max(search.efDefault, (1.5 * likelyEnough(depth, share)) / share)
      : Math.max(ef, depth) / share,
  )
  for (;;) {
    wanted = Math.min(wanted, graph.count)
    if (wanted * comparisonsPerCandidate + waitingCost(vectors, live) >= allowed) return undefined
    const { nearest, found, reliable } = best(vectors, graph, search, { ef: wanted, share })
    if (reliable >= depth || (ef !== undefined && found >= depth) || wanted === graph.count) {
      if (vectors.size > live) offerWaiting(nearest, vectors, serving, search)
      return { neighbours: nearest.sorted(), method: 'hnsw', ef: wanted }
    }
    wanted *= 2
  }
}

/** With nothing in the graph yet, codes alone choose. */
function searchWaiting(vectors: SlotVectorStore, serving: LiveGraph, search: GraphSearch): GraphAnswer | undefined {
  if (waitingCost(vectors, 0) >= search.allowed) return undefined
  const nearest = new Nearest(search.k)
  offerWaiting(nearest, vectors, serving, search)
  return { neighbours: nearest.sorted(), method: 'hnsw' }
}

/** Of the vectors that are not in the graph, in comparisons in full. */
function waitingCost(vectors: SlotVectorStore, live: number): number {
  const waiting = vectors.size - live
  const coded = Math.min(vectors.coded, waiting)
  return waiting - coded + coded / codesPerComparison
}

/**
 * The k best live and allowed ones of `ef` candidates, by their exact scores. Only those are compared again whose
 * approximate score leaves open whether they belong to them. How many there are is counted up to the depth only.
 */
function best(
  vectors: SlotVectorStore,
  graph: HnswGraph,
  { query, k, depth, allow }: GraphSearch,
  { ef, share }: { ef: number; share: number },
): { nearest: Nearest; found: number; reliable: number } {
  const lengthError = Math.max(vectors.lengthError, Math.abs(1 / query.inverseLength - 1))
  const margin = 2 * (graph.scoreError + 2 * lengthError) + scoreTolerance
  const enough = Math.max(k + shortPage.spare, depth)
  const few =
    allow === undefined && k <= shortPage.k ? Math.min(ef, Math.ceil(likelyEnough(enough, share) / share)) : ef
  for (let count = few; ; count = ef) {
    const { slots, scores } = graph.candidates(query.values, ef, count)
    const nearest = new Nearest(k)
    let [found, reliable, kthScore, settled] = [0, 0, -Infinity, false]
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!
      if (!vectors.has(slot) || (allow !== undefined && !includesSorted(allow, slot))) continue
      settled ||= found >= k && scores[i]! < kthScore - margin
      if (settled && found >= depth) break
      if (!settled) nearest.offer(slot, vectors.score(query, slot))
      if (i < (ef * 2) / 3) reliable++
      if (++found === k) kthScore = scores[i]!
    }
    if ((settled && found >= depth) || slots.length < count || count === ef) return { nearest, found, reliable }
  }
}

/** Live vectors that the graph does not hold yet: compared in full, those that have a code only when it says that they are near. */
function offerWaiting(
  nearest: Nearest,
  vectors: SlotVectorStore,
  { graph, cursor }: LiveGraph,
  { query, allow, depth }: GraphSearch,
): void {
  const coarse = vectors.coded === 0 ? undefined : vectors.coarseQuery(query)
  const likely = new Nearest(Math.max(comparedByCode.least, comparedByCode.each * depth))
  for (let slot = vectors.nextLive(cursor); slot !== undefined; slot = vectors.nextLive(slot + 1)) {
    if (graph.has(slot) || (allow !== undefined && !includesSorted(allow, slot))) continue
    const estimate = coarse === undefined ? undefined : vectors.estimate(coarse, slot)
    if (estimate === undefined) nearest.offer(slot, vectors.score(query, slot))
    else likely.offer(slot, estimate)
  }
  for (const { slot } of likely.sorted()) nearest.offer(slot, vectors.score(query, slot))
}

/** So many allowed ones expected among some nodes, and there are hardly ever fewer than k: three deviations of a binomial count. */
function likelyEnough(k: number, share: number): number {
  return k + 3 * Math.sqrt(k * (1 - share))
}

function includesSorted(sorted: Uint32Array, slot: number): boolean {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! < slot) low = middle + 1
    else high = middle
  }
  return sorted[low] === slot
}

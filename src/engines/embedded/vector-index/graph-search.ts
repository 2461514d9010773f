/**
 * Graph search. Asks the graph for candidates until enough of them qualify, then compares these in full, together with
 * vectors that the graph does not hold yet; if very many are waiting to be linked, coarse codes preselect among them.
 */
import { type Direction, scoreTolerance } from '../../../cosine.js'
import { firstFrom } from '../../../first-from.js'
import type { HnswGraph } from './hnsw-graph.js'
import { Nearest } from './nearest.js'
import type { SlotVectorStore } from './slot-vectors.js'
import type { SearchResult } from './vector-index.js'

/**
 * Cost of one graph candidate in comparisons of an exact scan: measured at 5 to 15 between 128 and 527 dimensions, more for
 * short lists and few dimensions. Decides when a scan is cheaper; ties go to the scan.
 */
const comparisonsPerCandidate = 8
/** Coarse codes compared in the time of one full comparison: measured at 4 to 6 between 128 and 527 dimensions. */
const codesPerComparison = 5

/**
 * Transferring candidates from the addon costs time: a short page takes only the nearest, plus enough to nearly always
 * see the end of the ties with the k-th.
 */
const shortPage = { k: 32, spare: 4 }

/**
 * How many waiting vectors are chosen by their codes for full comparison: per requested neighbour, and at least. They
 * included 99.7 % or more of the 10 true neighbours, even in galleries with a single label.
 */
const comparedByCode = { each: 32, least: 1_000 }

/** A graph and how many of its nodes are live. */
export interface LiveGraph {
  graph: HnswGraph
  live: number
  /** No live slot below this one is missing from the graph. */
  cursor: number
}

export interface GraphSearch {
  query: Direction
  /** At most `depth`. */
  k: number
  /** Neighbours the graph is searched for; determines which ones it finds. */
  depth: number
  /** Ascending; default: all live slots. */
  allow?: Uint32Array | undefined
  /** Upper bound of the number of allowed slots. */
  allowed: number
  /** As given in the request. */
  ef?: number | undefined
  /** Minimum, when the request gives none. */
  efDefault: number
}

/**
 * Asks for more and more candidates until the last allowed one within the depth lies in their nearer two thirds: near
 * the end of the list the graph misses neighbours. Undefined when a scan is cheaper.
 */
export function searchGraph(
  vectors: SlotVectorStore,
  serving: LiveGraph,
  search: GraphSearch,
): SearchResult | undefined {
  const { graph, live } = serving
  const { depth, ef, allowed } = search
  if (graph.count === 0) return searchWaiting(vectors, serving, search)
  // First guess: the share of nodes that qualify if the allowed ones are spread evenly.
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

/** While the graph is empty, codes alone preselect. */
function searchWaiting(vectors: SlotVectorStore, serving: LiveGraph, search: GraphSearch): SearchResult | undefined {
  if (waitingCost(vectors, 0) >= search.allowed) return undefined
  const nearest = new Nearest(search.k)
  offerWaiting(nearest, vectors, serving, search)
  return { neighbours: nearest.sorted(), method: 'hnsw' }
}

/** Cost of the vectors missing from the graph, in full comparisons. */
function waitingCost(vectors: SlotVectorStore, live: number): number {
  const waiting = vectors.size - live
  const coded = Math.min(vectors.coded, waiting)
  return waiting - coded + coded / codesPerComparison
}

/**
 * The k best live and allowed ones of `ef` candidates, by exact score. Recomputes only scores whose approximation
 * leaves open whether the candidate belongs to the k best. Counts the qualifying candidates only up to the depth.
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
    const compared: number[] = []
    let [found, reliable, kthScore, settled] = [0, 0, -Infinity, false]
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!
      if (!vectors.has(slot) || (allow !== undefined && !includesSorted(allow, slot))) continue
      settled ||= found >= k && scores[i]! < kthScore - margin
      if (settled && found >= depth) break
      if (!settled) compared.push(slot)
      if (i < (ef * 2) / 3) reliable++
      if (++found === k) kthScore = scores[i]!
    }
    vectors.scoreSlots(query, compared, (slot, score) => nearest.offer(slot, score))
    if ((settled && found >= depth) || slots.length < count || count === ef) return { nearest, found, reliable }
  }
}

/**
 * Live vectors missing from the graph: compared in full, except that coded ones are compared only if their code is
 * near.
 */
function offerWaiting(
  nearest: Nearest,
  vectors: SlotVectorStore,
  { graph, cursor }: LiveGraph,
  { query, allow, depth }: GraphSearch,
): void {
  const compared: number[] = []
  const waits = (slot: number): boolean => !graph.has(slot) && (allow === undefined || includesSorted(allow, slot))
  if (vectors.coded === 0) {
    for (let slot = vectors.nextLive(cursor); slot !== undefined; slot = vectors.nextLive(slot + 1))
      if (waits(slot)) compared.push(slot)
  } else {
    const likely = new Nearest(Math.max(comparedByCode.least, comparedByCode.each * depth))
    vectors.estimateAll(query, (slot, estimate) => {
      if (!waits(slot)) return
      if (Number.isNaN(estimate)) compared.push(slot)
      else likely.offer(slot, estimate)
    })
    for (const { slot } of likely.sorted()) compared.push(slot)
  }
  vectors.scoreSlots(query, compared, (slot, score) => nearest.offer(slot, score))
}

/**
 * The number of allowed nodes to expect among some nodes so that fewer than k are very rare: three standard deviations
 * of a binomial count.
 */
function likelyEnough(k: number, share: number): number {
  return k + 3 * Math.sqrt(k * (1 - share))
}

function includesSorted(sorted: Uint32Array, slot: number): boolean {
  return sorted[firstFrom(sorted, slot)] === slot
}

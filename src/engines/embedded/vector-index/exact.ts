/** The slow exact answer: every vector, or every allowed one, compared with the query. */
import type { Direction } from '../../../cosine.js'
import { Nearest } from './nearest.js'
import type { SlotVectorStore } from './slot-vectors.js'
import type { Neighbour } from './vector-index.js'

/** @param allow slots to compare; those that are not live are passed over. All live ones when left out. */
export function exactNeighbours(
  vectors: SlotVectorStore,
  query: Direction,
  k: number,
  allow?: Uint32Array,
): Neighbour[] {
  const nearest = new Nearest(Math.min(k, vectors.size))
  const offer = (slot: number, score: number) => nearest.offer(slot, score)
  if (allow === undefined) vectors.scoreAll(query, offer)
  else vectors.scoreSlots(query, allow, offer)
  return nearest.sorted()
}

/** The slow exact answer: compares the query with every vector, or with every allowed one. */
import type { Direction } from '../../../cosine.js'
import { Nearest } from './nearest.js'
import type { SlotVectorStore } from './slot-vectors.js'
import type { Neighbour } from './vector-index.js'

/** @param allow slots to compare, skipping those that are not live; default: all live slots */
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

/** Neighbours packed into buffers: objects take five to ten times as long on their way between threads. */
import type { Neighbour, SlotNeighbours } from './vector-index.js'

/** One list; scores as exact as they were computed. */
export interface PackedList {
  /** [n] */
  slots: Uint32Array
  /** [n] */
  scores: Float64Array
}

export function packedList(neighbours: readonly Neighbour[]): PackedList {
  return {
    slots: Uint32Array.from(neighbours, ({ slot }) => slot),
    scores: Float64Array.from(neighbours, ({ score }) => score),
  }
}

export function unpackedList({ slots, scores }: PackedList): Neighbour[] {
  const neighbours: Neighbour[] = []
  for (let i = 0; i < slots.length; i++) neighbours.push({ slot: slots[i]!, score: scores[i]! })
  return neighbours
}

/** Several lists, for moving. @param k length of the longest list */
export function packedNeighbours(lists: readonly Neighbour[][], k: number): Omit<SlotNeighbours, 'byGraph'> {
  const slots = new Uint32Array(lists.length * k)
  const scores = new Float32Array(lists.length * k)
  lists.forEach((list, row) =>
    list.forEach(({ slot, score }, i) => {
      slots[row * k + i] = slot
      scores[row * k + i] = score
    }),
  )
  return { answered: lists.length, counts: Uint32Array.from(lists, (list) => list.length), slots, scores }
}

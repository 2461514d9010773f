/** Lists of neighbours packed into three buffers, which move between threads without copying. */
import type { Neighbour, SlotNeighbours } from './vector-index.js'

/** @param k length of the longest list */
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

/** Of the best hits those that are not all alike. */
import { chooseDiverse } from '../ranking/marginal-relevance.js'
import type { VectorIndex } from '../vector-index/vector-index.js'
import { slotsOf } from './distinct-hits.js'
import type { UnrankedHit } from './nearest-hits.js'

export interface DiverseHitsOptions {
  index: Pick<VectorIndex, 'compare'>
  /** 0: the order of scores; 1: as unlike each other as they come. */
  diversity: number
  /** How many to choose. */
  k: number
}

/** Rows compared in one call: the index answers other searches between two calls. */
const blockSize = 32

/** @param candidates best first @returns in the order of choice */
export async function diverseHits(candidates: readonly UnrankedHit[], { index, diversity, k }: DiverseHitsOptions): Promise<UnrankedHit[]> {
  const between = await likenessOf(slotsOf(candidates), index)
  return chooseDiverse({ scores: candidates.map(({ score }) => score), between, diversity, k }).map((i) => candidates[i]!)
}

/** Likeness is mutual: each block of rows is compared with itself and what comes after it. */
async function likenessOf(slots: Uint32Array, index: Pick<VectorIndex, 'compare'>): Promise<(a: number, b: number) => number> {
  const blocks: Float32Array[] = []
  for (let begin = 0; begin < slots.length; begin += blockSize) blocks.push(await index.compare(slots.slice(begin, begin + blockSize), slots.slice(begin)))
  return (a, b) => {
    const [row, column] = a < b ? [a, b] : [b, a]
    const block = Math.floor(row / blockSize)
    const begin = block * blockSize
    return blocks[block]![(row - begin) * (slots.length - begin) + column - begin]!
  }
}

/** Adds a few judged pairs to each batch, because the two pictures of a pair rarely meet by chance. */
import type { Links } from '../losses/linked-pairs.js'
import type { JudgedPair } from './judged-pairs.js'

/** Pairs per batch. */
const pairsPerBatch = 4

export interface LinkedMembers {
  /** Positions in `data.train` of the additional rows, two per pair. */
  members: number[]
  links: Links
}

/**
 * Round robin, so that all pairs occur equally often.
 * @param batch number of the batch over all epochs
 * @param rows in the batch before the added ones
 */
export function linkedMembers(pairs: readonly JudgedPair[], batch: number, rows: number): LinkedMembers {
  const chosen = Array.from(
    { length: Math.min(pairsPerBatch, pairs.length) },
    (_, i) => pairs[(batch * pairsPerBatch + i) % pairs.length]!,
  )
  const linked = (right: boolean) =>
    chosen.flatMap((one, i) => (one.right === right ? [[rows + 2 * i, rows + 2 * i + 1] as const] : []))
  return { members: chosen.flatMap(({ pair }) => pair), links: { must: linked(true), cannot: linked(false) } }
}

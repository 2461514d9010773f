/** Judged pairs brought into batches, a few in each: pictures that are judged together hardly ever meet by chance. */
import type { Links } from '../losses/linked-pairs.js'
import type { JudgedPair } from './judged-pairs.js'

/** Of one batch. */
const pairsPerBatch = 4

export interface LinkedMembers {
  /** Positions in `data.train` of further rows, two for each pair. */
  members: number[]
  links: Links
}

/** In turn, so that each pair comes as often as any other. @param batch its number over all epochs @param rows of the batch before them */
export function linkedMembers(pairs: readonly JudgedPair[], batch: number, rows: number): LinkedMembers {
  const chosen = Array.from(
    { length: Math.min(pairsPerBatch, pairs.length) },
    (_, i) => pairs[(batch * pairsPerBatch + i) % pairs.length]!,
  )
  const linked = (right: boolean) =>
    chosen.flatMap((one, i) => (one.right === right ? [[rows + 2 * i, rows + 2 * i + 1] as const] : []))
  return { members: chosen.flatMap(({ pair }) => pair), links: { must: linked(true), cannot: linked(false) } }
}

/** Hits before they have ranks, and lists of them. */
import type { HitRecord } from './hit-record.js'

export interface UnrankedHit {
  score: number
  record: HitRecord
}

/** Hits as a list that grows when more of it is asked for. What it gave once it gives again. */
export interface HitList {
  /** The first `count`, or all there are. */
  first(count: number): Promise<UnrankedHit[]>
}

/** Score descending, then id ascending. */
export function bestFirst(a: UnrankedHit, b: UnrankedHit): number {
  return b.score - a.score || (a.record.id < b.record.id ? -1 : 1)
}

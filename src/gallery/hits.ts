/** Hits before they have ranks, and lists of them. */
import type { HitRecord } from './hit-record.js'

export interface UnrankedHit {
  score: number
  /** Part of the score that is no likeness. */
  boost?: number | undefined
  /** Where several are searched. */
  gallery?: string | undefined
  record: HitRecord
}

/** Hits as a list that grows when more of it is asked for. What it gave once it gives again. */
export interface HitList {
  /** The first `count`, or all there are. */
  first(count: number): Promise<UnrankedHit[]>
}

/** Score descending, then id and gallery ascending. */
export function bestFirst(a: UnrankedHit, b: UnrankedHit): number {
  if (a.score !== b.score) return b.score - a.score
  if (a.record.id !== b.record.id) return a.record.id < b.record.id ? -1 : 1
  return (a.gallery ?? '') < (b.gallery ?? '') ? -1 : 1
}

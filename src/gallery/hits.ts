/** Hits before they are ranked, and lists of them. */
import type { HitRecord } from './hit-record.js'

export interface UnrankedHit {
  score: number
  /** The part of the score that does not come from similarity. */
  boost?: number | undefined
  /** The score without the boost, if it has one: subtracting it would round. */
  similarity?: number | undefined
  /** Name of the gallery, if several are searched. */
  gallery?: string | undefined
  record: HitRecord
}

/** A list of hits that grows when more of it is requested. Hits once returned do not change. */
export interface HitList {
  /** The first `count`, or all there are. */
  first(count: number): Promise<UnrankedHit[]>
  /** It has ended because it examines no more hits, not because there are none. */
  readonly isCut?: boolean | undefined
}

export interface MeasuredHits extends HitList {
  /** Approximate memory. */
  readonly bytes: number
}

/** Score descending, then id and gallery ascending. */
export function bestFirst(a: UnrankedHit, b: UnrankedHit): number {
  if (a.score !== b.score) return b.score - a.score
  if (a.record.id !== b.record.id) return a.record.id < b.record.id ? -1 : 1
  return a.gallery === b.gallery ? 0 : (a.gallery ?? '') < (b.gallery ?? '') ? -1 : 1
}

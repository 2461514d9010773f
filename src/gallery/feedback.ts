/** What people say of hits, as the rest of Alike sees it. */

/** A stored picture, the SHA-256 of a picture's bytes, or a name that only the caller understands. */
export type FeedbackQuery = { id: string } | { contentHash: string } | { key: string }

export const verdicts = ['right', 'wrong'] as const
export type Verdict = (typeof verdicts)[number]

export interface Judgement {
  query: FeedbackQuery
  /** Id of a stored picture. */
  hit: string
  verdict: Verdict
  by: string
  /** ISO 8601, UTC. */
  at: string
  modelId: string
  /** Its place and score in the answer that was judged. */
  rank?: number | undefined
  score?: number | undefined
}

/** … and the pictures it speaks of, as they were when it was made. */
export interface JudgedHit extends Judgement {
  /** SHA-256 of the query's bytes where it is known. */
  queryHash?: string | undefined
  hitHash: string
}

export interface KeptJudgement extends JudgedHit {
  /** Ascending in the order of their coming; new when a verdict changes. */
  number: number
}

export interface StoredJudgement extends KeptJudgement {
  /** Of a stored query, now. */
  queryLabel?: string | null | undefined
  hitLabel: string | null
}

export interface FeedbackCounts {
  recorded: number
  changed: number
  unchanged: number
  /** Judgements of the gallery altogether. */
  stored: number
}

/**
 * One judgement for each query, hit and judge: the last one; of every gallery, whatever engine its images live in. They go with
 * their gallery.
 */
export interface FeedbackStore {
  /** All or none. @throws AlikeError `gallery_not_found`, `feedback_full`, `storage_full`, `overloaded` */
  record(galleryUid: string, judged: readonly JudgedHit[]): Promise<FeedbackCounts>
  /** In the order of their coming. @param after `number` of the last one read; 0: from the first @throws AlikeError `gallery_not_found` */
  page(galleryUid: string, after: number, limit: number): Promise<KeptJudgement[]>
}

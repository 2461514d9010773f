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

export interface StoredJudgement extends Judgement {
  /** Ascending in the order of their coming; new when a verdict changes. */
  number: number
  /** SHA-256 of the query's bytes where it is known. */
  queryHash?: string | undefined
  /** Of a stored query, now. */
  queryLabel?: string | null | undefined
  hitHash: string
  hitLabel: string | null
}

export interface FeedbackCounts {
  recorded: number
  changed: number
  unchanged: number
  /** Judgements of the gallery altogether. */
  stored: number
}

/** One judgement for each query, hit and judge: the last one. They go with their gallery, and with the pictures they name. */
export interface FeedbackStore {
  /** All or none. @throws AlikeError `gallery_not_found`, `image_not_found`, `feedback_full`, `storage_full`, `overloaded` */
  record(gallery: string, judgements: Judgement[]): Promise<FeedbackCounts>
  /** In the order of their coming. @param after `number` of the last one read; 0: from the first */
  page(gallery: string, after: number, limit: number): Promise<StoredJudgement[]>
}

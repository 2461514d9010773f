/** People's judgements of hits, as the rest of Alike sees them. */

/** A stored picture, the SHA-256 of a picture's bytes, or a name that only the caller understands. */
export type FeedbackQuery = { id: string } | { contentHash: string } | { key: string }

export const verdicts = ['right', 'wrong'] as const
export type Verdict = (typeof verdicts)[number]

/** `none` withdraws a judgement. */
export const submittedVerdicts = [...verdicts, 'none'] as const
export type SubmittedVerdict = (typeof submittedVerdicts)[number]

export interface Judgement {
  query: FeedbackQuery
  /** Id of a stored picture. */
  hit: string
  verdict: SubmittedVerdict
  by: string
  /** ISO 8601, UTC. */
  at: string
  modelId: string
  /** Its rank and score in the judged answer. */
  rank?: number | undefined
  score?: number | undefined
}

/** A judgement with the pictures it refers to, as they were when it was made. */
export interface JudgedHit extends Judgement {
  /** SHA-256 of the query's bytes, if known. */
  queryHash?: string | undefined
  hitHash: string
}

export interface KeptJudgement extends JudgedHit {
  verdict: Verdict
  /** Ascending in order of arrival; new when the verdict changes. */
  number: number
}

export interface StoredJudgement extends KeptJudgement {
  /** Current label of a stored query. */
  queryLabel?: string | null | undefined
  hitLabel: string | null
}

/** Which judgements are read; without any of these: all. */
export interface JudgementFilter {
  query?: FeedbackQuery | undefined
  by?: string | undefined
}

/** What becomes of a judgement. */
export type JudgementFate = 'recorded' | 'changed' | 'withdrawn' | 'unchanged'

export interface FeedbackCounts extends Record<JudgementFate, number> {
  /** Total number of judgements of the gallery. */
  stored: number
}

/**
 * One judgement for each query, hit and judge, the latest one; of every gallery, whatever engine stores its images.
 * Deleted with their gallery.
 */
export interface FeedbackStore {
  /** All or none. @throws AlikeError `gallery_not_found`, `feedback_full`, `storage_full`, `overloaded` */
  record(galleryUid: string, judged: readonly JudgedHit[]): Promise<FeedbackCounts>
  /**
   * In order of arrival.
   * @param after `number` of the last one read; 0: from the first
   * @throws AlikeError `gallery_not_found`
   */
  page(galleryUid: string, after: number, limit: number, filter?: JudgementFilter): Promise<KeptJudgement[]>
}

/** A judgement as a row of a table in any database: one way to read and write it for all stores. Pure. */
import { AlikeError } from '../errors.js'
import type { FeedbackCounts, FeedbackQuery, JudgedHit, JudgementFate, KeptJudgement, Verdict } from './feedback.js'

export interface JudgementRow {
  number: number
  query_kind: string
  query: string
  query_hash: string | null
  hit: string
  hit_hash: string
  verdict: string
  judge: string
  at: string
  model_id: string
  rank: number | null
  score: number | null
}

export function judgementRow(judged: JudgedHit): Omit<JudgementRow, 'number'> {
  const { query, queryHash = null, hit, hitHash, verdict, by, at, modelId, rank = null, score = null } = judged
  return {
    ...queryColumns(query),
    query_hash: queryHash,
    hit,
    hit_hash: hitHash,
    verdict,
    judge: by,
    at,
    model_id: modelId,
    rank,
    score,
  }
}

export function queryColumns(query: FeedbackQuery): Pick<JudgementRow, 'query_kind' | 'query'> {
  const [[kind, value]] = Object.entries(query) as [[string, string]]
  return { query_kind: kind, query: value }
}

type Judged = Pick<JudgementRow, 'verdict' | 'query_hash' | 'hit_hash'>

/** @param former the stored one of the same query, hit and judge */
export function fateOf(submitted: Judged, former: Judged | undefined): JudgementFate {
  if (submitted.verdict === 'none') return former === undefined ? 'unchanged' : 'withdrawn'
  if (former === undefined) return 'recorded'
  const isSame =
    former.verdict === submitted.verdict &&
    former.hit_hash === submitted.hit_hash &&
    former.query_hash === submitted.query_hash
  return isSame ? 'unchanged' : 'changed'
}

/** What was full before may be changed and withdrawn. @throws AlikeError `feedback_full` */
export function expectRoom({ recorded, stored }: FeedbackCounts, max: number): void {
  if (recorded > 0 && stored > max)
    throw new AlikeError('feedback_full', { detail: `The maximum is ${max} judgements.` })
}

export function judgementOf(row: JudgementRow): KeptJudgement {
  return {
    number: row.number,
    query: { [row.query_kind]: row.query } as FeedbackQuery,
    ...(row.query_hash !== null && { queryHash: row.query_hash }),
    hit: row.hit,
    hitHash: row.hit_hash,
    verdict: row.verdict as Verdict,
    by: row.judge,
    at: row.at,
    modelId: row.model_id,
    ...(row.rank !== null && { rank: row.rank }),
    ...(row.score !== null && { score: row.score }),
  }
}

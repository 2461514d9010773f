/** Judgements of hits in PostgreSQL. */
import type { FeedbackStore, JudgedHit, JudgementFate } from '../gallery/feedback.js'
import {
  expectRoom,
  fateOf,
  type JudgementRow,
  judgementOf,
  judgementRow,
  queryColumns,
} from '../gallery/feedback-row.js'
import { expectGallery, holdGallery } from './gallery-rows.js'
import type { Postgres, Sql } from './postgres.js'

/** @param max judgements per gallery */
export function postgresFeedback(postgres: Postgres, max: number): FeedbackStore {
  return {
    record: (galleryUid, judged) =>
      postgres.transaction(async (sql) => {
        await holdGallery(sql, galleryUid)
        const fates = { recorded: 0, changed: 0, withdrawn: 0, unchanged: 0 }
        for (const judgement of judged) fates[await put(sql, galleryUid, judgement)] += 1
        const counts = { ...fates, stored: await counted(sql, galleryUid, fates.recorded - fates.withdrawn) }
        expectRoom(counts, max)
        return counts
      }),
    async page(galleryUid, after, limit, { query, by = null } = {}) {
      const ofQuery = 'AND query_kind = $5 AND query = $6 AND left(query, 300) = left($6, 300)' // as they are indexed
      const rows = await postgres.query<JudgementRow>(
        `SELECT * FROM alike.feedback WHERE gallery_uid = $1 AND number > $2 AND judge = coalesce($4, judge)
         ${query ? ofQuery : ''} ORDER BY number LIMIT $3`,
        [galleryUid, after, limit, by, ...(query ? Object.values(queryColumns(query)) : [])],
      )
      if (rows.length === 0) await expectGallery(postgres, galleryUid)
      return rows.map(judgementOf)
    },
  }
}

async function put(sql: Sql, galleryUid: string, judged: JudgedHit): Promise<JudgementFate> {
  const row = judgementRow(judged)
  const key = [galleryUid, row.query_kind, row.query, row.hit, row.judge]
  const of = `gallery_uid = $1 AND query_kind = $2 AND query = $3 AND hit = $4 AND judge = $5
    AND left(query, 300) = left($3, 300) AND left(hit, 300) = left($4, 300)` // as they are indexed
  const [former] = await sql.query<JudgementRow>(`SELECT * FROM alike.feedback WHERE ${of}`, key)
  const fate = fateOf(row, former)
  if (fate === 'unchanged') return fate
  // a new number, so that readers continuing from a cursor see the change
  if (former !== undefined) await sql.query(`DELETE FROM alike.feedback WHERE ${of}`, key)
  if (fate === 'withdrawn') return fate
  await sql.query(
    `INSERT INTO alike.feedback (gallery_uid, query_kind, query, hit, judge, query_hash, hit_hash, verdict, at, model_id, rank, score)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [...key, row.query_hash, row.hit_hash, row.verdict, row.at, row.model_id, row.rank, row.score],
  )
  return fate
}

/** @param more judgements than before @returns how many there are */
async function counted(sql: Sql, galleryUid: string, more: number): Promise<number> {
  const [row] = await sql.query<{ stored: number }>(
    `INSERT INTO alike.feedback_count AS counted VALUES ($1, $2)
     ON CONFLICT (gallery_uid) DO UPDATE SET stored = counted.stored + $2 RETURNING stored`,
    [galleryUid, more],
  )
  return row!.stored
}

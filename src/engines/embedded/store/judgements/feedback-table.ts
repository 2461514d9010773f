/** The rows of hit judgements. */
import type {
  FeedbackCounts,
  JudgedHit,
  JudgementFate,
  JudgementFilter,
  KeptJudgement,
} from '../../../../gallery/feedback.js'
import {
  expectRoom,
  fateOf,
  type JudgementRow,
  judgementOf,
  judgementRow,
  queryColumns,
} from '../../../../gallery/feedback-row.js'
import { type Checksum, checksummedRows } from '../database/checksum.js'
import type { Database, Statement } from '../database/database.js'
import { type Purge, purgeOf } from '../database/purge.js'

export const feedbackSchema = `
  CREATE TABLE feedback (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    gallery    INTEGER NOT NULL REFERENCES gallery (number),
    query_kind TEXT NOT NULL,          -- id, contentHash or key
    query      TEXT NOT NULL,
    query_hash TEXT,                   -- of the query's bytes; NULL: not known
    hit        TEXT NOT NULL,
    hit_hash   TEXT NOT NULL,
    verdict    TEXT NOT NULL,
    judge      TEXT NOT NULL,
    at         TEXT NOT NULL,
    model_id   TEXT NOT NULL,
    rank       INTEGER,
    score      REAL,
    checksum   INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX feedback_of ON feedback (gallery, query_kind, query, hit, judge);
  CREATE INDEX feedback_of_hit ON feedback (gallery, hit);
`

/** Without it, each page would be sorted out of all judgements of the gallery. */
export const feedbackInOrder = 'CREATE INDEX feedback_in_order ON feedback (gallery, number);'

interface FeedbackRow extends JudgementRow {
  gallery: number
}
type NewRow = Omit<FeedbackRow, 'number'>
type StoredRow = FeedbackRow & Checksum

export const feedbackRows = checksummedRows<NewRow>('A judgement', (row) => [
  row.gallery,
  row.query_kind,
  row.query,
  row.query_hash,
  row.hit,
  row.hit_hash,
  row.verdict,
  row.judge,
  row.at,
  row.model_id,
  row.rank,
  row.score,
])

interface PageWish {
  gallery: number
  after: number
  limit: number
  by: string | null
}

export interface FeedbackRequest {
  gallery: number
  judged: readonly JudgedHit[]
  /** Maximum judgements per gallery. */
  max: number
}

export class FeedbackTable {
  readonly #count: Statement<[number], number>
  readonly #same: Statement<[NewRow], StoredRow>
  readonly #insert: Statement<[NewRow & Checksum]>
  readonly #delete: Statement<[number]>
  readonly #page: Statement<[PageWish], StoredRow>
  readonly #pageOfQuery: Statement<[PageWish & Pick<JudgementRow, 'query_kind' | 'query'>], StoredRow>
  readonly #forget: Statement<[{ gallery: number; id: string }]>
  readonly purge: Purge
  /**
   * Cached per gallery, because counting a million rows takes longer than a write. Recounted before anything is
   * refused.
   */
  readonly #stored = new Map<number, number>()

  constructor(database: Database) {
    this.#count = database.prepare<[number], number>('SELECT count(*) FROM feedback WHERE gallery = ?').pluck()
    this.#same = database.prepare(
      `SELECT * FROM feedback WHERE gallery = @gallery AND query_kind = @query_kind AND query = @query AND hit = @hit
         AND judge = @judge`,
    )
    this.#insert = database.prepare(
      `INSERT INTO feedback (gallery, query_kind, query, query_hash, hit, hit_hash, verdict, judge, at, model_id, rank, score, checksum)
       VALUES (@gallery, @query_kind, @query, @query_hash, @hit, @hit_hash, @verdict, @judge, @at, @model_id, @rank, @score, @checksum)`,
    )
    this.#delete = database.prepare('DELETE FROM feedback WHERE number = ?')
    const page = `SELECT * FROM feedback WHERE gallery = @gallery AND number > @after AND judge = coalesce(@by, judge)`
    this.#page = database.prepare(`${page} ORDER BY number LIMIT @limit`)
    this.#pageOfQuery = database.prepare(
      `${page} AND query_kind = @query_kind AND query = @query ORDER BY number LIMIT @limit`,
    )
    this.#forget = database.prepare(
      `DELETE FROM feedback WHERE gallery = @gallery AND (hit = @id OR (query_kind = 'id' AND query = @id))`,
    )
    this.purge = purgeOf(database, 'feedback')
  }

  /** @throws AlikeError `feedback_full`; the transaction then undoes the judgements recorded before */
  record({ gallery, judged, max }: FeedbackRequest): FeedbackCounts {
    const counts = { recorded: 0, changed: 0, withdrawn: 0, unchanged: 0 }
    for (const judgement of judged) counts[this.#put({ gallery, ...judgementRow(judgement) })] += 1
    const known = this.#stored.get(gallery)
    let stored = known === undefined ? this.#count.get(gallery)! : known + counts.recorded - counts.withdrawn
    if (stored > max) stored = this.#count.get(gallery)!
    this.#stored.delete(gallery)
    expectRoom({ ...counts, stored }, max)
    this.#stored.set(gallery, stored)
    return { ...counts, stored }
  }

  #put(row: NewRow): JudgementFate {
    const former = this.#same.get(row)
    const fate = fateOf(row, former)
    if (fate === 'unchanged') return fate
    // a new number, so that readers continuing from a cursor see the change
    if (former !== undefined) this.#delete.run(former.number)
    if (fate === 'withdrawn') return fate
    this.#insert.run(feedbackRows.sealed(row))
    return fate
  }

  /** @throws AlikeError `data_unreadable` */
  page(gallery: number, after: number, limit: number, { query, by }: JudgementFilter = {}): KeptJudgement[] {
    const wish = { gallery, after, limit, by: by ?? null }
    const rows = query ? this.#pageOfQuery.all({ ...wish, ...queryColumns(query) }) : this.#page.all(wish)
    return rows.map((row) => judgementOf(feedbackRows.checked(row)))
  }

  /** Removes judgements that name this picture as a query or a hit, because it was removed or replaced. */
  forget(gallery: number, id: string): void {
    if (this.#forget.run({ gallery, id }).changes > 0) this.#stored.delete(gallery)
  }

  /** Call it when judgements may have been undone after they were recorded. */
  forgetCounts(): void {
    this.#stored.clear()
  }
}

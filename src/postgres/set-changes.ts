/**
 * Changes yet to be applied to a gallery's other set, if several processes write: as rows, which outlive each process.
 */
import { type Changes, type ChangesReading, inBothForms, type TakenChanges } from '../gallery/changes.js'
import { until } from './polling.js'
import type { Postgres } from './postgres.js'
import { ownerGone } from './store-errors.js'

/** Stands for all ids; no id is empty. */
const all = ''
/** A write older than this counts as finished, because its process may have died. */
const underWaySeconds = 60
const checkEveryMs = 1_000

export class SetChanges implements Changes {
  readonly #postgres: Postgres
  readonly #setUid: string

  constructor(postgres: Postgres, setUid: string) {
    this.#postgres = postgres
    this.#setUid = setUid
  }

  /** Called before the write, so that it is recorded even if this process dies during it. */
  begin(ids: readonly string[] | 'all'): Promise<void> {
    return this.#note(ids, underWaySeconds)
  }

  note(ids: readonly string[] | 'all'): Promise<void> {
    return this.#note(ids, 0)
  }

  async isEmpty(): Promise<boolean> {
    const [row] = await this.#postgres.query<{ some: boolean }>(
      'SELECT EXISTS (SELECT 1 FROM alike.set_change WHERE set_uid = $1 AND due_at <= now()) AS some',
      [this.#setUid],
    )
    return row?.some !== true
  }

  async take(limit: number): Promise<TakenChanges> {
    const rows = await this.#postgres.query<{ id: string; number: number }>(
      `SELECT id, number FROM alike.set_change WHERE set_uid = $1 AND due_at <= now()
       ORDER BY id = '' DESC, number LIMIT $2`,
      [this.#setUid, limit],
    )
    const taken = rows[0]?.id === all ? rows.slice(0, 1) : rows
    const ids = taken[0]?.id === all ? 'all' : taken.map(({ id }) => id)
    return { ids, done: () => this.#forget(taken), undo: () => {} }
  }

  waiting(signal: AbortSignal): Promise<void> {
    return until(async () => !(await this.isEmpty()), { everyMs: checkEveryMs, signal })
  }

  async reading(): Promise<ChangesReading> {
    const [row] = await this.#postgres.query<{ count: number; since: Date | null }>(
      'SELECT count(*), min(noted_at) AS since FROM alike.set_change WHERE set_uid = $1',
      [this.#setUid],
    )
    return { count: row?.count ?? 0, since: row?.since?.getTime() }
  }

  async #note(ids: readonly string[] | 'all', dueInSeconds: number): Promise<void> {
    const noted = ids === 'all' ? [all] : inBothForms(ids).sort()
    if (noted.length === 0) return
    try {
      await this.#postgres.transaction((sql) =>
        sql.query(
          `INSERT INTO alike.set_change (set_uid, id, due_at)
           SELECT embedding_set.uid, noted.id, now() + $3 * interval '1 second'
           FROM alike.embedding_set, unnest($2::text[]) AS noted (id) WHERE embedding_set.uid = $1
           ON CONFLICT (set_uid, id) DO UPDATE SET number = DEFAULT, due_at = excluded.due_at`,
          [this.#setUid, noted, dueInSeconds],
        ),
      )
    } catch (error) {
      if ((error as { code?: unknown }).code !== ownerGone) throw error
    }
  }

  /** Except those recorded again in the meantime. */
  async #forget(taken: readonly { id: string; number: number }[]): Promise<void> {
    await this.#postgres.transaction((sql) =>
      sql.query(
        `DELETE FROM alike.set_change USING unnest($2::text[], $3::bigint[]) AS taken (id, number)
         WHERE set_uid = $1 AND set_change.id = taken.id AND set_change.number = taken.number`,
        [this.#setUid, taken.map(({ id }) => id), taken.map(({ number }) => number)],
      ),
    )
  }
}

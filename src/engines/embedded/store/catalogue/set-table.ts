/**
 * The rows of embedding sets. A set's data is stored under its number; sets of other engines have only their row here.
 */
import { AlikeError } from '../../../../errors.js'
import type { SetStage } from '../../../../gallery/catalogue.js'
import { type Checksum, checksummedRows } from '../database/checksum.js'
import type { Database, Statement } from '../database/database.js'

/** Higher slots would not fit their rows' key, nor the graph. */
export const slotsMax = 2 ** 32

/** Maximum sets ever created in one data folder; beyond it, keys would exceed JavaScript's exact integers. */
const numbersMax = 2 ** 20

/** The rows of a `dropped` set are yet to be removed. */
export type SetRowStage = Exclude<SetStage, 'serving'> | 'dropped'

export interface SetRow {
  /** Galleries and sets share one number sequence without reuse. A gallery's first set has the gallery's number. */
  number: number
  uid: string
  /** Number of its gallery. */
  gallery: number
  /** Name of its engine; only `embedded` sets have further rows in this database. */
  engine: string
  model_id: string
  dimension: number
  /** The serving set is `ready`: its gallery names it. */
  stage: SetRowStage
  /** JSON, see `SetAbout`. */
  about: string
  count: number
  next_slot: number
  created_at: string
  updated_at: string
}
type StoredRow = SetRow & Checksum

export const setRows = checksummedRows<SetRow>(
  ({ uid }) => `The record of embedding set ${uid}`,
  ({ number, uid, gallery, engine, model_id, dimension, stage, about, count, next_slot, created_at, updated_at }) => [
    ...[number, uid, gallery, engine, model_id, dimension, stage, about],
    ...[count, next_slot, created_at, updated_at],
  ],
)

export type NewSetRow = Omit<SetRow, 'count' | 'next_slot' | 'updated_at'>

export class SetTable {
  readonly #byNumber: Statement<[number], StoredRow>
  readonly #byUid: Statement<[string], StoredRow>
  readonly #ofGallery: Statement<[number], StoredRow>
  readonly #uids: Statement<[], string>
  readonly #count: Statement<[number], number>
  readonly #dropped: Statement<[number], number>
  readonly #lastNumber: Statement<[], number>
  readonly #insert: Statement<[StoredRow]>
  readonly #update: Statement<[StoredRow]>
  readonly #erase: Statement<[number]>

  constructor(database: Database) {
    this.#byNumber = database.prepare('SELECT * FROM embedding_set WHERE number = ?')
    this.#byUid = database.prepare('SELECT * FROM embedding_set WHERE uid = ?')
    this.#ofGallery = database.prepare(
      `SELECT * FROM embedding_set WHERE gallery = ? AND stage <> 'dropped' ORDER BY number`,
    )
    this.#uids = database.prepare<[], string>(`SELECT uid FROM embedding_set WHERE stage <> 'dropped'`).pluck()
    this.#count = database.prepare<[number], number>('SELECT count FROM embedding_set WHERE number = ?').pluck()
    this.#dropped = database
      .prepare<[number], number>(
        `SELECT number FROM embedding_set WHERE stage = 'dropped' AND number > ? ORDER BY number LIMIT 1`,
      )
      .pluck()
    this.#lastNumber = database
      .prepare<[], number>(
        `SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name IN ('gallery', 'embedding_set')`,
      )
      .pluck()
    this.#insert = database.prepare(
      `INSERT INTO embedding_set VALUES (@number, @uid, @gallery, @engine, @model_id, @dimension, @stage, @about,
         @count, @next_slot, @created_at, @updated_at, @checksum)`,
    )
    this.#update = database.prepare(
      `UPDATE embedding_set SET stage = @stage, about = @about, count = @count, next_slot = @next_slot,
         updated_at = @updated_at, checksum = @checksum WHERE number = @number`,
    )
    this.#erase = database.prepare('DELETE FROM embedding_set WHERE number = ?')
  }

  /** @throws AlikeError `gallery_not_found`, also for a dropped set; `data_unreadable` */
  get(number: number): SetRow {
    return live(setRows.checked(this.#byNumber.get(number)))
  }

  /** @throws AlikeError as `get` */
  ofUid(uid: string): SetRow {
    return live(this.find(uid))
  }

  /** Undefined for a dropped one, too. @throws AlikeError `data_unreadable` */
  find(uid: string): SetRow | undefined {
    const row = setRows.checked(this.#byUid.get(uid))
    return row?.stage === 'dropped' ? undefined : row
  }

  /** In order of creation. @throws AlikeError `data_unreadable` */
  ofGallery(gallery: number): SetRow[] {
    return this.#ofGallery.all(gallery).map(setRows.checked)
  }

  /** Only those with an undamaged record. */
  wholeOf(gallery: number): SetRow[] {
    return this.#ofGallery.all(gallery).filter(setRows.isWhole)
  }

  /** Does not depend on the state of their records. */
  placesOf(gallery: number): Pick<SetRow, 'uid' | 'engine'>[] {
    return this.#ofGallery.all(gallery).map(({ uid, engine }) => ({ uid: String(uid), engine: String(engine) }))
  }

  uids(): string[] {
    return this.#uids.all()
  }

  /** Number of live pictures. For metrics: not checked against a checksum. */
  count(number: number): number {
    return this.#count.get(number) ?? 0
  }

  /** The number for a new gallery or set. @throws AlikeError `storage_full` */
  nextNumber(): number {
    const number = this.#lastNumber.get()! + 1
    if (number >= numbersMax)
      throw new AlikeError('storage_full', { detail: 'This data folder has no more numbers for galleries and sets.' })
    return number
  }

  insert(set: NewSetRow): SetRow {
    const row: SetRow = { ...set, count: 0, next_slot: 0, updated_at: set.created_at }
    this.#insert.run(setRows.sealed(row))
    return row
  }

  save(row: SetRow): void {
    this.#update.run(setRows.sealed(row))
  }

  /** Marks its rows for removal, even if its record is damaged. */
  release(number: number, at: string): void {
    const row = this.#byNumber.get(number)
    if (row !== undefined) this.save({ ...row, stage: 'dropped', count: 0, next_slot: 0, updated_at: at })
  }

  /** The same for all sets of a gallery. */
  releaseAll(gallery: number, at: string): void {
    for (const { number } of this.#ofGallery.all(gallery)) this.release(number, at)
  }

  /** The first number after this one of a dropped set whose rows are yet to be removed. */
  nextDropped(after: number): number | undefined {
    return this.#dropped.get(after)
  }

  /** Call it once nothing is stored under the set any more. */
  erase(number: number): void {
    this.#erase.run(number)
  }
}

function live(row: SetRow | undefined): SetRow {
  if (row === undefined || row.stage === 'dropped') throw new AlikeError('gallery_not_found')
  return row
}

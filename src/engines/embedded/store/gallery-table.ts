/** The rows of galleries. */
import { AlikeError } from '../../../errors.js'
import type { CatalogueEntry, CatalogueRecord, NewCatalogueEntry } from '../../../gallery/catalogue.js'
import { readStored } from '../../../gallery/stored-json.js'
import { checksumOfValues, expectChecksum } from './checksum.js'
import { type Database, damaged, type Statement } from './database.js'

/** Slots above would not fit the key of their rows, nor the graph. */
export const slotsMax = 2 ** 32

/** Galleries ever made in one data folder; with more, keys would not be exact as numbers of JavaScript. */
const numbersMax = 2 ** 20

export interface GalleryRow {
  number: number
  /** Null once deleted. */
  name: string | null
  uid: string
  model_id: string
  dimension: number
  settings: string
  count: number
  next_slot: number
  created_at: string
  updated_at: string
  /** Name of the engine that it lives in; rows of this database belong to `embedded` galleries alone. */
  engine: string
  /** It does not have its checksum, and nothing but number and name is told. */
  isDamaged?: true
}
type StoredRow = GalleryRow & { checksum: number }

/** What is needed of many galleries at once: all but the settings, which may be large. */
export type GalleryEntry = Pick<GalleryRow, 'name' | 'uid' | 'model_id' | 'dimension' | 'engine'>

export interface NewGallery extends NewCatalogueEntry {
  /** ISO 8601. */
  at: string
}

export interface GalleryTableOptions {
  /** What a gallery is on a list when its record does not have its checksum: the end of the list, or an entry with `isDamaged`. Default `refused`. */
  damagedRecords?: 'refused' | 'named' | undefined
}

export class GalleryTable {
  readonly #namesDamaged: boolean
  readonly #byName: Statement<[string], StoredRow>
  readonly #byNumber: Statement<[number], StoredRow>
  readonly #page: Statement<[string, number], StoredRow>
  readonly #byUid: Statement<[string], StoredRow>
  readonly #entries: Statement<[string, number], GalleryEntry>
  readonly #count: Statement<[number], number>
  readonly #size: Statement<[], number>
  readonly #deleted: Statement<[], number>
  readonly #insert: Statement<[GalleryRow & { checksum: number }]>
  readonly #update: Statement<[StoredRow]>
  readonly #lastNumber: Statement<[], { seq: number }>
  readonly #erase: Statement<[number]>

  constructor(database: Database, { damagedRecords = 'refused' }: GalleryTableOptions = {}) {
    this.#namesDamaged = damagedRecords === 'named'
    this.#byName = database.prepare('SELECT * FROM gallery WHERE name = ?')
    this.#byNumber = database.prepare('SELECT * FROM gallery WHERE number = ?')
    this.#page = database.prepare('SELECT * FROM gallery WHERE name > ? ORDER BY name LIMIT ?')
    this.#byUid = database.prepare('SELECT * FROM gallery WHERE uid = ?')
    this.#entries = database.prepare(
      'SELECT name, uid, model_id, dimension, engine FROM gallery WHERE name > ? ORDER BY name LIMIT ?',
    )
    this.#count = database.prepare<[number], number>('SELECT count FROM gallery WHERE number = ?').pluck()
    this.#size = database.prepare<[], number>('SELECT count(*) FROM gallery WHERE name IS NOT NULL').pluck()
    this.#deleted = database
      .prepare<[], number>('SELECT number FROM gallery WHERE name IS NULL ORDER BY number LIMIT 1')
      .pluck()
    this.#insert = database.prepare(
      `INSERT INTO gallery VALUES (@number, @name, @uid, @model_id, @dimension, @settings, @count, @next_slot,
         @created_at, @updated_at, @checksum, @engine)`,
    )
    this.#update = database.prepare(
      `UPDATE gallery SET name = @name, settings = @settings, count = @count, next_slot = @next_slot,
         updated_at = @updated_at, checksum = @checksum WHERE number = @number`,
    )
    this.#lastNumber = database.prepare(`SELECT seq FROM sqlite_sequence WHERE name = 'gallery'`)
    this.#erase = database.prepare('DELETE FROM gallery WHERE number = ?')
  }

  /** @throws AlikeError `data_unreadable` */
  find(name: string): GalleryRow | undefined {
    return checked(this.#named(name))
  }

  /** As on a list. */
  findListed(name: string): GalleryRow | undefined {
    const row = this.#named(name)
    return row && this.#listed(row)
  }

  /** Where it lies, whatever became of its record. */
  place(name: string): Pick<GalleryRow, 'number' | 'uid' | 'engine'> | undefined {
    const row = this.#named(name)
    return row && { number: row.number, uid: String(row.uid), engine: String(row.engine) }
  }

  /** @throws AlikeError `gallery_not_found`, also for a deleted one; `data_unreadable` */
  ofUid(uid: string): GalleryRow {
    const row = checked(this.#byUid.get(uid))
    if (row === undefined || row.name === null) throw new AlikeError('gallery_not_found')
    return row
  }

  /** @throws AlikeError `gallery_not_found`, also for a deleted one. */
  get(number: number): GalleryRow & { name: string } {
    const row = checked(this.#byNumber.get(number))
    if (row === undefined || row.name === null) throw new AlikeError('gallery_not_found')
    return { ...row, name: row.name }
  }

  /** By name, ascending; one is in memory at a time. @param after names after this one */
  *list(after = '', limit = numbersMax): Generator<GalleryRow> {
    for (const row of this.#page.iterate(after, limit)) yield this.#listed(row)
  }

  /** By name, ascending. For metrics: not compared with checksums, which would take the settings. @param after names after this one */
  entries(after = '', limit = numbersMax): GalleryEntry[] {
    return this.#entries.all(after, limit)
  }

  /** Live pictures. For metrics as well. */
  count(number: number): number {
    return this.#count.get(number) ?? 0
  }

  /** Number of a gallery whose rows are still to be removed. */
  nextDeleted(): number | undefined {
    return this.#deleted.get()
  }

  /** @throws AlikeError `galleries_full` */
  insert({ name, uid, engine, modelId, dimension, settings, galleriesMax, at }: NewGallery): GalleryRow {
    if (this.#size.get()! >= galleriesMax)
      throw new AlikeError('galleries_full', { detail: `There may be ${galleriesMax}.` })
    // Numbers are never used again, so that no row of a deleted gallery can turn up in a new one.
    const number = (this.#lastNumber.get()?.seq ?? 0) + 1
    if (number >= numbersMax)
      throw new AlikeError('storage_full', { detail: 'This data folder has no more gallery numbers.' })
    const row: GalleryRow = {
      number,
      name,
      uid,
      model_id: modelId,
      dimension,
      settings: JSON.stringify(settings),
      count: 0,
      next_slot: 0,
      created_at: at,
      updated_at: at,
      engine,
    }
    this.#insert.run({ ...row, checksum: checksumOf(row) })
    return row
  }

  save(row: GalleryRow): void {
    this.#update.run({ ...row, checksum: checksumOf(row) })
  }

  /** Frees its name, whatever became of its record; then its rows can be removed. @throws AlikeError `gallery_not_found` */
  release(number: number, at: string): void {
    const row = this.#byNumber.get(number)
    if (row === undefined || row.name === null) throw new AlikeError('gallery_not_found')
    this.save({ ...row, name: null, settings: '{}', count: 0, next_slot: 0, updated_at: at })
  }

  #named(name: string): StoredRow | undefined {
    const row = this.#byName.get(name)
    if (row !== undefined && row.name !== name) throw damaged('The index of gallery names is damaged.')
    return row
  }

  #listed(row: StoredRow): GalleryRow {
    return this.#namesDamaged && checksumOf(row) !== row.checksum ? damagedRow(row) : checked(row)!
  }

  /** Once nothing refers to it any more. */
  erase(number: number): void {
    this.#erase.run(number)
  }
}

export function entryOf({ name, uid, model_id: modelId, dimension, engine }: GalleryEntry): CatalogueEntry {
  return { name: name ?? '', uid, engine, set: { uid, galleryUid: uid, modelId, dimension } }
}

export function recordOf(row: GalleryRow): CatalogueRecord {
  return {
    ...entryOf(row),
    settings: readStored(row.settings) ?? {},
    ...(row.isDamaged && { unreadable: 'record' }),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function damagedRow({ number, name, uid }: GalleryRow): GalleryRow {
  return {
    number,
    name,
    uid: String(uid),
    model_id: '',
    dimension: 0,
    settings: '{}',
    count: 0,
    next_slot: 0,
    created_at: '',
    updated_at: '',
    engine: '',
    isDamaged: true,
  }
}

function checked(row: StoredRow | undefined): GalleryRow | undefined {
  if (row !== undefined) expectChecksum(checksumOf(row), row.checksum, `The record of gallery ${row.name ?? row.uid}`)
  return row
}

function checksumOf(row: GalleryRow): number {
  const { number, name, uid, model_id, dimension, settings, count, next_slot, created_at, updated_at, engine } = row
  const values = [number, name, uid, model_id, dimension, settings, count, next_slot, created_at, updated_at]
  // rows of before name no engine, and live in this one
  return checksumOfValues(engine === 'embedded' ? values : [...values, engine])
}

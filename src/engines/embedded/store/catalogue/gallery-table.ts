/** The rows of galleries, with the sets that serve them. */
import { AlikeError } from '../../../../errors.js'
import type { NewCatalogueEntry } from '../../../../gallery/catalogue.js'
import { changedOptions, type GalleryChange } from '../../../../gallery/gallery-options.js'
import { type Database, damaged, type Statement } from '../database/database.js'
import {
  damagedGallery,
  type GalleryEntry,
  type GalleryRow,
  galleryRows,
  liveGallery,
  optionsOf,
  type ServedGallery,
  type StoredGalleryRow,
} from './gallery-row.js'
import { SetTable } from './set-table.js'

export interface NewGallery extends NewCatalogueEntry {
  /** ISO 8601. */
  at: string
}

export interface GalleryTableOptions {
  /**
   * How a gallery with a damaged record appears in a list. `refused`: the list fails; `named`: an entry with
   * `isDamaged`. Default `refused`.
   */
  damagedRecords?: 'refused' | 'named' | undefined
}

/** SQLite's value for no limit. */
const unlimited = -1

export class GalleryTable {
  readonly #sets: SetTable
  readonly #namesDamaged: boolean
  readonly #byName: Statement<[string], StoredGalleryRow>
  readonly #byNumber: Statement<[number], StoredGalleryRow>
  readonly #page: Statement<[string, number], StoredGalleryRow>
  readonly #byUid: Statement<[string], StoredGalleryRow>
  readonly #entries: Statement<[string, number], GalleryEntry>
  readonly #size: Statement<[], number>
  readonly #deleted: Statement<[number], number>
  readonly #insert: Statement<[StoredGalleryRow]>
  readonly #update: Statement<[StoredGalleryRow]>
  readonly #erase: Statement<[number]>

  constructor(database: Database, { damagedRecords = 'refused' }: GalleryTableOptions = {}) {
    this.#sets = new SetTable(database)
    this.#namesDamaged = damagedRecords === 'named'
    this.#byName = database.prepare('SELECT * FROM gallery WHERE name = ?')
    this.#byNumber = database.prepare('SELECT * FROM gallery WHERE number = ?')
    this.#page = database.prepare('SELECT * FROM gallery WHERE name > ? ORDER BY name LIMIT ?')
    this.#byUid = database.prepare('SELECT * FROM gallery WHERE uid = ?')
    this.#entries = database.prepare(
      `SELECT gallery.name, gallery.uid, served.uid AS set_uid, model_id, dimension, engine, options
       FROM gallery JOIN embedding_set AS served ON served.number = gallery.serving
       WHERE name > ? ORDER BY name LIMIT ?`,
    )
    this.#size = database.prepare<[], number>('SELECT count(*) FROM gallery WHERE name IS NOT NULL').pluck()
    this.#deleted = database
      .prepare<[number], number>(
        `SELECT number FROM gallery WHERE name IS NULL AND number > ?
         AND NOT EXISTS (SELECT 1 FROM embedding_set WHERE gallery = gallery.number) ORDER BY number LIMIT 1`,
      )
      .pluck()
    this.#insert = database.prepare(
      'INSERT INTO gallery VALUES (@number, @name, @uid, @settings, @created_at, @checksum, @serving, @options)',
    )
    this.#update = database.prepare(
      `UPDATE gallery SET name = @name, settings = @settings, serving = @serving, options = @options, checksum = @checksum
       WHERE number = @number`,
    )
    this.#erase = database.prepare('DELETE FROM gallery WHERE number = ?')
  }

  /** @throws AlikeError `data_unreadable` */
  find(name: string): ServedGallery | undefined {
    const row = galleryRows.checked(this.#named(name))
    return row && { gallery: row, set: this.#sets.get(row.serving) }
  }

  /** As it appears in a list. */
  findListed(name: string): ServedGallery | undefined {
    const row = this.#named(name)
    return row && this.#listed(row)
  }

  /** Does not depend on the state of its record. */
  place(name: string): Pick<GalleryRow, 'number' | 'uid'> | undefined {
    const row = this.#named(name)
    return row && { number: row.number, uid: String(row.uid) }
  }

  /** @throws AlikeError `gallery_not_found`, also for a deleted one; `data_unreadable` */
  ofUid(uid: string): GalleryRow & { name: string } {
    return liveGallery(galleryRows.checked(this.#byUid.get(uid)))
  }

  /** @throws AlikeError `gallery_not_found`, also for a deleted one; `data_unreadable` */
  get(number: number): GalleryRow & { name: string } {
    return liveGallery(galleryRows.checked(this.#byNumber.get(number)))
  }

  /** By name, ascending; holds one in memory at a time. @param after names after this one */
  *list(after = '', limit = unlimited): Generator<ServedGallery> {
    for (const row of this.#page.iterate(after, limit)) yield this.#listed(row)
  }

  /**
   * By name, ascending. For metrics: skips the checksums, which would require the settings.
   * @param after names after this one
   */
  entries(after = '', limit = unlimited): GalleryEntry[] {
    return this.#entries.all(after, limit)
  }

  /** The first number after this one of a deleted gallery whose rows are yet to be removed, and whose sets are gone. */
  nextDeleted(after: number): number | undefined {
    return this.#deleted.get(after)
  }

  /** Inserts it with its first set. @throws AlikeError `galleries_full` */
  insert({
    name,
    uid,
    setUid,
    engine,
    modelId,
    dimension,
    about = {},
    settings,
    options = {},
    galleriesMax,
    at,
  }: NewGallery): ServedGallery {
    if (this.#size.get()! >= galleriesMax)
      throw new AlikeError('galleries_full', { detail: `The maximum is ${galleriesMax}.` })
    // Numbers are never reused, so that no row of a deleted gallery can appear in a new one.
    const number = this.#sets.nextNumber()
    const texts = { settings: JSON.stringify(settings), options: JSON.stringify(options) }
    const gallery = { number, name, uid, ...texts, created_at: at, serving: number }
    this.#insert.run(galleryRows.sealed(gallery))
    const firstSet = { number, uid: setUid, gallery: number, engine, model_id: modelId, dimension, created_at: at }
    return { gallery, set: this.#sets.insert({ ...firstSet, stage: 'ready', about: JSON.stringify(about) }) }
  }

  /** @throws AlikeError `gallery_not_found`, `data_unreadable` */
  change(name: string, change: GalleryChange): ServedGallery {
    const found = this.find(name)
    if (found === undefined) throw new AlikeError('gallery_not_found')
    const options = changedOptions(optionsOf(found.gallery), change)
    const gallery = { ...found.gallery, options: JSON.stringify(options) }
    this.#save(gallery)
    return { ...found, gallery }
  }

  /** Makes this the serving set. @throws AlikeError `gallery_not_found` */
  serve(number: number, set: number): void {
    this.#save({ ...this.get(number), serving: set })
  }

  /**
   * Frees its name, even if its record is damaged; its rows can then be removed.
   * @throws AlikeError `gallery_not_found`
   */
  release(number: number): void {
    this.#save({ ...liveGallery(this.#byNumber.get(number)), name: null, settings: '{}' })
  }

  /** Call it once nothing refers to the gallery any more. */
  erase(number: number): void {
    this.#erase.run(number)
  }

  #save(row: GalleryRow): void {
    this.#update.run(galleryRows.sealed(row))
  }

  #named(name: string): StoredGalleryRow | undefined {
    const row = this.#byName.get(name)
    if (row !== undefined && row.name !== name) throw damaged('The index of gallery names is damaged.')
    return row
  }

  #listed(row: StoredGalleryRow): ServedGallery {
    try {
      const gallery = galleryRows.checked(row)
      return { gallery, set: this.#sets.get(gallery.serving) }
    } catch (error) {
      if (this.#namesDamaged && error instanceof AlikeError) return damagedGallery(row)
      throw error
    }
  }
}

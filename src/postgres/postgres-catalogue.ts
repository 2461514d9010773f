/** The catalogue of galleries in PostgreSQL, shared by every process that reaches it. */
import { AlikeError } from '../errors.js'
import type {
  Catalogue,
  CatalogueEntry,
  CatalogueRecord,
  CatalogueSet,
  NewCatalogueEntry,
  NewCatalogueSet,
  RemovedSet,
  SetChange,
} from '../gallery/catalogue.js'
import { changedOptions, type GalleryChange, type GalleryOptions } from '../gallery/gallery-options.js'
import type { Metadata } from '../gallery/metadata.js'
import { isPrepared } from '../gallery/prepared-sets.js'
import { notify } from './notices.js'
import type { Postgres, Sql } from './postgres.js'
import { addRemoved, addSet, changeSet, insertSet, removedSets, removeSet, serveSet, setsOf } from './set-rows.js'

export interface PostgresCatalogueOptions {
  postgres: Postgres
  /** The current time, ISO 8601. */
  now(): string
}

interface GalleryRow {
  uid: string
  name: string
  serving: string
  settings: string
  options: string
  created_at: string
  updated_at: string
  // of the serving set
  engine: string
  model_id: string
  dimension: number
}

/** @param from the table, or a subset of it */
const withSet = (from: string) =>
  `SELECT gallery.*, engine, model_id, dimension FROM ${from} AS gallery
   JOIN alike.embedding_set ON embedding_set.uid = gallery.serving`

export class PostgresCatalogue implements Catalogue {
  readonly #options: PostgresCatalogueOptions
  readonly #postgres: Postgres

  constructor(options: PostgresCatalogueOptions) {
    this.#options = options
    this.#postgres = options.postgres
  }

  create(entry: NewCatalogueEntry): Promise<{ gallery: CatalogueRecord; created: boolean }> {
    const { name, uid, setUid, about = {}, settings, options = {}, galleriesMax } = entry
    return this.#postgres.transaction(async (sql) => {
      // one at a time: two concurrent ones would count the same galleries
      await sql.query('LOCK TABLE alike.gallery IN SHARE ROW EXCLUSIVE MODE')
      const existing = await rowOf(sql, name)
      if (existing !== undefined) return { gallery: recordOf(existing), created: false }
      const [counted] = await sql.query<{ count: number }>('SELECT count(*) FROM alike.gallery')
      if (counted!.count >= galleriesMax)
        throw new AlikeError('galleries_full', { detail: `The maximum is ${galleriesMax}.` })
      const at = this.#options.now()
      const values = [uid, name, setUid, JSON.stringify(settings), at, JSON.stringify(options)]
      await sql.query('INSERT INTO alike.gallery VALUES ($1, $2, $3, $4, $5, $5, $6)', values)
      await insertSet(sql, { ...entry, uid: setUid, galleryUid: uid, about }, at)
      await notify(sql, { gallery: name })
      return { gallery: recordOf((await rowOf(sql, name))!), created: true }
    })
  }

  async find(name: string): Promise<CatalogueEntry | undefined> {
    const row = await rowOf(this.#postgres, name)
    return row && entryOf(row)
  }

  async record(name: string): Promise<CatalogueRecord | undefined> {
    const row = await rowOf(this.#postgres, name)
    return row && recordOf(row)
  }

  async list({ after, limit, maxLength }: Parameters<Catalogue['list']>[0]): ReturnType<Catalogue['list']> {
    // those whose settings fit together, and at least one
    const rows = await this.#postgres.query<GalleryRow>(
      `SELECT * FROM (
         SELECT *, sum(length(settings)) OVER (ORDER BY name) AS filled, row_number() OVER (ORDER BY name) AS place
         FROM (${somePage}) AS page) AS listed
       WHERE place = 1 OR filled <= $3 ORDER BY name`,
      [after, most(limit), most(maxLength)],
    )
    return { records: rows.map(recordOf), length: rows.reduce((sum, { settings }) => sum + settings.length, 0) }
  }

  async entries({ after, limit }: { after: string; limit: number }): Promise<CatalogueEntry[]> {
    return (await this.#postgres.query<GalleryRow>(somePage, [after, most(limit)])).map(entryOf)
  }

  change(name: string, change: GalleryChange): Promise<CatalogueRecord> {
    return this.#postgres.transaction(async (sql) => {
      await sql.query('SELECT 1 FROM alike.gallery WHERE name = $1 FOR UPDATE', [name])
      const row = await rowOf(sql, name)
      if (row === undefined) throw new AlikeError('gallery_not_found')
      const options = JSON.stringify(changedOptions(optionsOf(row), change))
      await sql.query('UPDATE alike.gallery SET options = $2 WHERE uid = $1', [row.uid, options])
      await notify(sql, { gallery: name })
      return recordOf({ ...row, options })
    })
  }

  remove(name: string, unprepared?: string): ReturnType<Catalogue['remove']> {
    return this.#postgres.transaction(async (sql) => {
      const [row] = await sql.query<{ uid: string }>('SELECT uid FROM alike.gallery WHERE name = $1 FOR UPDATE', [name])
      if (row === undefined || row.uid !== (unprepared ?? row.uid)) throw new AlikeError('gallery_not_found')
      const sets = await setsOf(sql, row.uid)
      if (unprepared !== undefined && sets.some(isPrepared)) throw new AlikeError('gallery_not_found')
      await addRemoved(sql, sets, this.#options.now())
      await sql.query('DELETE FROM alike.gallery WHERE uid = $1', [row.uid])
      await notify(sql, { gallery: name })
      return { uid: row.uid, sets: sets.map(({ uid, engine }) => ({ uid, engine })) }
    })
  }

  sets(galleryUid: string): Promise<CatalogueSet[]> {
    return setsOf(this.#postgres, galleryUid)
  }

  addSet(set: NewCatalogueSet): Promise<CatalogueSet> {
    return this.#postgres.transaction((sql) => addSet(sql, set, this.#options.now()))
  }

  changeSet(setUid: string, change: SetChange): Promise<CatalogueSet> {
    return this.#postgres.transaction((sql) => changeSet(sql, setUid, change))
  }

  async serve(setUid: string, about: CatalogueSet['about']): Promise<void> {
    await this.#postgres.transaction((sql) => serveOn(sql, setUid, about))
  }

  removeSet(setUid: string): Promise<void> {
    return this.#postgres.transaction((sql) => removeSet(sql, setUid, this.#options.now()))
  }

  removedSets(): Promise<RemovedSet[]> {
    return removedSets(this.#postgres)
  }

  async forgetRemoved(setUid: string): Promise<void> {
    await this.#postgres.query('DELETE FROM alike.removed_set WHERE uid = $1', [setUid])
  }
}

/** Call it within a transaction. @throws AlikeError `set_not_found` */
export async function serveOn(sql: Sql, setUid: string, about: CatalogueSet['about']): Promise<void> {
  const galleryUid = await serveSet(sql, setUid, about)
  const [row] = await sql.query<{ name: string }>('SELECT name FROM alike.gallery WHERE uid = $1', [galleryUid])
  await notify(sql, { gallery: row!.name })
}

const somePage = `${withSet('(SELECT * FROM alike.gallery WHERE name > $1 ORDER BY name LIMIT $2)')} ORDER BY name`

/** A possibly infinite bound as an integer. */
const most = (bound: number) => Math.min(bound, 2 ** 31 - 1)

async function rowOf(sql: Sql, name: string): Promise<GalleryRow | undefined> {
  const [row] = await sql.query<GalleryRow>(`${withSet('alike.gallery')} WHERE name = $1`, [name])
  return row
}

function entryOf({ name, uid, engine, serving, model_id, dimension, ...row }: GalleryRow): CatalogueEntry {
  const set = { uid: serving, galleryUid: uid, modelId: model_id, dimension }
  return { name, uid, engine, set, options: optionsOf(row) }
}

function optionsOf({ options }: Pick<GalleryRow, 'options'>): GalleryOptions {
  return JSON.parse(options) as GalleryOptions
}

function recordOf(row: GalleryRow): CatalogueRecord {
  const settings = JSON.parse(row.settings) as Metadata
  return { ...entryOf(row), settings, createdAt: row.created_at, updatedAt: row.updated_at }
}

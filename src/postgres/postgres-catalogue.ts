/** The catalogue of galleries in PostgreSQL, shared by every process that reaches it. */
import { AlikeError } from '../errors.js'
import type { Catalogue, CatalogueEntry, CatalogueRecord } from '../gallery/catalogue.js'
import type { Metadata } from '../gallery/records.js'
import { type Notices, notify } from './notices.js'
import type { Postgres, Sql } from './postgres.js'

export interface PostgresCatalogueOptions {
  postgres: Postgres
  notices: Notices
  /** The time, ISO 8601. */
  now(): string
}

interface GalleryRow {
  uid: string
  name: string
  engine: string
  set_uid: string
  model_id: string
  dimension: number
  settings: string
  created_at: string
  updated_at: string
}

export class PostgresCatalogue implements Catalogue {
  readonly #options: PostgresCatalogueOptions
  readonly #postgres: Postgres

  constructor(options: PostgresCatalogueOptions) {
    this.#options = options
    this.#postgres = options.postgres
  }

  create(entry: Parameters<Catalogue['create']>[0]): Promise<{ gallery: CatalogueRecord; created: boolean }> {
    const { name, uid, engine, modelId, dimension, settings, galleriesMax } = entry
    return this.#postgres.transaction(async (sql) => {
      // one after the other: two would count the same galleries
      await sql.query('LOCK TABLE alike.gallery IN SHARE ROW EXCLUSIVE MODE')
      const existing = await rowOf(sql, name)
      if (existing !== undefined) return { gallery: recordOf(existing), created: false }
      const [counted] = await sql.query<{ count: number }>('SELECT count(*) FROM alike.gallery')
      if (counted!.count >= galleriesMax)
        throw new AlikeError('galleries_full', { detail: `There may be ${galleriesMax}.` })
      const at = this.#options.now()
      const [row] = await sql.query<GalleryRow>(
        'INSERT INTO alike.gallery VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) RETURNING *',
        [uid, name, engine, uid, modelId, dimension, JSON.stringify(settings), at],
      )
      await notify(sql, { gallery: name })
      return { gallery: recordOf(row!), created: true }
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
    // those whose settings have room together, and one at least
    const rows = await this.#postgres.query<GalleryRow>(
      `SELECT * FROM (
         SELECT *, sum(length(settings)) OVER (ORDER BY name) AS filled, row_number() OVER (ORDER BY name) AS place
         FROM (SELECT * FROM alike.gallery WHERE name > $1 ORDER BY name LIMIT $2) AS some) AS listed
       WHERE place = 1 OR filled <= $3 ORDER BY name`,
      [after, most(limit), most(maxLength)],
    )
    return { records: rows.map(recordOf), length: rows.reduce((sum, { settings }) => sum + settings.length, 0) }
  }

  async entries({ after, limit }: { after: string; limit: number }): Promise<CatalogueEntry[]> {
    const rows = await this.#postgres.query<GalleryRow>(
      'SELECT * FROM alike.gallery WHERE name > $1 ORDER BY name LIMIT $2',
      [after, most(limit)],
    )
    return rows.map(entryOf)
  }

  remove(name: string): Promise<Pick<CatalogueEntry, 'uid' | 'engine'>> {
    return this.#postgres.transaction(async (sql) => {
      const [row] = await sql.query<GalleryRow>('DELETE FROM alike.gallery WHERE name = $1 RETURNING *', [name])
      if (row === undefined) throw new AlikeError('gallery_not_found')
      await notify(sql, { gallery: name })
      return { uid: row.uid, engine: row.engine }
    })
  }
}

/** A bound that may be infinite. */
const most = (bound: number) => Math.min(bound, 2 ** 31 - 1)

async function rowOf(sql: Sql, name: string): Promise<GalleryRow | undefined> {
  const [row] = await sql.query<GalleryRow>('SELECT * FROM alike.gallery WHERE name = $1', [name])
  return row
}

function entryOf({ name, uid, engine, set_uid, model_id, dimension }: GalleryRow): CatalogueEntry {
  return { name, uid, engine, set: { uid: set_uid, galleryUid: uid, modelId: model_id, dimension } }
}

function recordOf(row: GalleryRow): CatalogueRecord {
  const settings = JSON.parse(row.settings) as Metadata
  return { ...entryOf(row), settings, createdAt: row.created_at, updatedAt: row.updated_at }
}

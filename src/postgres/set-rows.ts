/** The rows of embedding sets in PostgreSQL. */
import { AlikeError } from '../errors.js'
import type { CatalogueSet, NewCatalogueSet, RemovedSet, SetChange } from '../gallery/catalogue.js'
import { holdGallery } from './gallery-rows.js'
import type { Sql } from './postgres.js'

interface SetRow {
  uid: string
  gallery_uid: string
  engine: string
  model_id: string
  dimension: number
  stage: string
  about: string
  created_at: string
  serving: string
}

/** Sets besides the serving one. */
const othersMax = 1
const joined = `SELECT embedding_set.*, serving FROM alike.embedding_set
  JOIN alike.gallery ON gallery.uid = embedding_set.gallery_uid`

/** @throws AlikeError `gallery_not_found` */
export async function setsOf(sql: Sql, galleryUid: string): Promise<CatalogueSet[]> {
  const rows = await sql.query<SetRow>(`${joined} WHERE gallery_uid = $1 ORDER BY number`, [galleryUid])
  if (rows.length === 0) throw new AlikeError('gallery_not_found')
  return rows.map(setOf)
}

/** Call it within a transaction. @throws AlikeError `set_exists`, `gallery_not_found` */
export async function addSet(sql: Sql, set: NewCatalogueSet, at: string): Promise<CatalogueSet> {
  await holdGallery(sql, set.galleryUid)
  if ((await setsOf(sql, set.galleryUid)).length > othersMax)
    throw new AlikeError('set_exists', { detail: 'There is another set besides the serving one; delete it first.' })
  await insertSet(sql, set, at)
  return heldSet(sql, set.uid)
}

export async function insertSet(sql: Sql, set: NewCatalogueSet, at: string): Promise<void> {
  const { uid, galleryUid, engine, modelId, dimension, about } = set
  await sql.query(
    `INSERT INTO alike.embedding_set (uid, gallery_uid, engine, model_id, dimension, stage, about, created_at)
     VALUES ($1, $2, $3, $4, $5, 'building', $6, $7)`,
    [uid, galleryUid, engine, modelId, dimension, JSON.stringify(about), at],
  )
}

/** Call it within a transaction. @throws AlikeError `set_not_found` */
export async function changeSet(sql: Sql, setUid: string, { stage, about }: SetChange): Promise<CatalogueSet> {
  await heldSet(sql, setUid)
  await sql.query(
    'UPDATE alike.embedding_set SET stage = coalesce($2, stage), about = coalesce($3, about) WHERE uid = $1',
    [setUid, stage ?? null, about === undefined ? null : JSON.stringify(about)],
  )
  return heldSet(sql, setUid)
}

/** Call it within a transaction. @returns the gallery's uid @throws AlikeError `set_not_found` */
export async function serveSet(sql: Sql, setUid: string, about: CatalogueSet['about']): Promise<string> {
  const { galleryUid } = await heldSet(sql, setUid)
  const serving = await holdGallery(sql, galleryUid)
  if (serving === setUid) return galleryUid
  await sql.query("UPDATE alike.embedding_set SET stage = 'kept', about = $2 WHERE uid = $1", [
    serving,
    JSON.stringify(about),
  ])
  await sql.query("UPDATE alike.embedding_set SET stage = 'ready' WHERE uid = $1", [setUid])
  await sql.query('UPDATE alike.gallery SET serving = $2 WHERE uid = $1', [galleryUid, setUid])
  return galleryUid
}

/** Call it within a transaction. @throws AlikeError `set_in_use` */
export async function removeSet(sql: Sql, setUid: string, at: string): Promise<void> {
  const [row] = await sql.query<SetRow>(`${joined} WHERE embedding_set.uid = $1 FOR UPDATE`, [setUid])
  if (row === undefined) return
  if (row.serving === setUid) throw new AlikeError('set_in_use')
  await addRemoved(sql, [row], at)
  await sql.query('DELETE FROM alike.embedding_set WHERE uid = $1', [setUid])
}

/** Call it in the transaction that removes them. */
export async function addRemoved(
  sql: Sql,
  sets: readonly Pick<CatalogueSet, 'uid' | 'engine'>[],
  at: string,
): Promise<void> {
  for (const { uid, engine } of sets)
    await sql.query('INSERT INTO alike.removed_set VALUES ($1, $2, $3)', [uid, engine, at])
}

export function removedSets(sql: Sql): Promise<RemovedSet[]> {
  return sql.query<RemovedSet>(
    'SELECT uid, engine, removed_at AS "removedAt" FROM alike.removed_set ORDER BY removed_at, uid',
  )
}

async function heldSet(sql: Sql, setUid: string): Promise<CatalogueSet> {
  const [row] = await sql.query<SetRow>(`${joined} WHERE embedding_set.uid = $1 FOR UPDATE`, [setUid])
  if (row === undefined) throw new AlikeError('set_not_found')
  return setOf(row)
}

function setOf(row: SetRow): CatalogueSet {
  return {
    uid: row.uid,
    galleryUid: row.gallery_uid,
    engine: row.engine,
    modelId: row.model_id,
    dimension: row.dimension,
    stage: row.uid === row.serving ? 'serving' : (row.stage as CatalogueSet['stage']),
    about: JSON.parse(row.about) as CatalogueSet['about'],
    createdAt: row.created_at,
  }
}

/** Queries about a gallery's row that several stores share. */
import { AlikeError } from '../errors.js'
import type { Sql } from './postgres.js'

/**
 * Locks the gallery until the transaction ends.
 * @returns the uid of the serving set
 * @throws AlikeError `gallery_not_found`
 */
export async function holdGallery(sql: Sql, galleryUid: string): Promise<string> {
  return servingOf(await sql.query('SELECT serving FROM alike.gallery WHERE uid = $1 FOR UPDATE', [galleryUid]))
}

/** @throws AlikeError `gallery_not_found` */
export async function expectGallery(sql: Sql, galleryUid: string): Promise<void> {
  servingOf(await sql.query('SELECT serving FROM alike.gallery WHERE uid = $1', [galleryUid]))
}

function servingOf([row]: { serving?: unknown }[]): string {
  if (row === undefined) throw new AlikeError('gallery_not_found')
  return row.serving as string
}

/** A gallery's row, read together with the row of its serving set: its checksum, and its form in the catalogue. */
import { AlikeError } from '../../../../errors.js'
import type { CatalogueEntry, CatalogueRecord } from '../../../../gallery/catalogue.js'
import type { GalleryOptions } from '../../../../gallery/gallery-options.js'
import { readStored } from '../../../../gallery/stored-json.js'
import { type Checksum, checksummedRows } from '../database/checksum.js'
import type { SetRow } from './set-table.js'

export interface GalleryRow {
  number: number
  /** Null once the gallery is deleted. */
  name: string | null
  uid: string
  settings: string
  created_at: string
  /** Number of the serving set. */
  serving: number
  /** JSON, see `GalleryOptions`. */
  options: string
}
export type StoredGalleryRow = GalleryRow & Checksum

/** Rows written before options existed have none. */
export const galleryRows = checksummedRows<GalleryRow>(
  ({ name, uid }) => `The record of gallery ${name ?? uid}`,
  ({ number, name, uid, settings, created_at, serving, options }) => [
    ...[number, name, uid, settings, created_at, serving],
    ...(options === '{}' ? [] : [options]),
  ],
)

export interface ServedGallery {
  gallery: GalleryRow
  set: SetRow
  /** One of the rows fails its checksum; only number and name are returned. */
  isDamaged?: true
}

/** What is needed for many galleries at once: everything but the settings, which may be large. */
export interface GalleryEntry {
  name: string | null
  uid: string
  set_uid: string
  model_id: string
  dimension: number
  engine: string
  options: string
}

export function entryOf({ name, uid, set_uid, model_id, dimension, engine, ...row }: GalleryEntry): CatalogueEntry {
  const set = { uid: set_uid, galleryUid: uid, modelId: model_id, dimension }
  return { name: name ?? '', uid, engine, set, options: optionsOf(row) }
}

export function optionsOf({ options }: Pick<GalleryRow, 'options'>): GalleryOptions {
  return readStored(options) ?? {}
}

export function recordOf(found: ServedGallery): CatalogueRecord {
  const { gallery, set, isDamaged } = found
  return {
    ...entryOf(served(found)),
    settings: readStored(gallery.settings) ?? {},
    ...(isDamaged && { unreadable: 'record' }),
    createdAt: gallery.created_at,
    updatedAt: set.updated_at,
  }
}

export function served({ gallery, set }: ServedGallery): GalleryEntry {
  const { model_id, dimension, engine } = set
  const { name, uid, options } = gallery
  return { name, uid, set_uid: set.uid, model_id, dimension, engine, options }
}

/** @throws AlikeError `gallery_not_found`, also for a deleted one */
export function liveGallery<Row extends GalleryRow>(row: Row | undefined): Row & { name: string } {
  if (row === undefined || row.name === null) throw new AlikeError('gallery_not_found')
  return { ...row, name: row.name }
}

/** Only number and name are returned. */
export function damagedGallery({ number, name, uid, serving }: GalleryRow): ServedGallery {
  const gallery = { number, name, uid: String(uid), settings: '{}', created_at: '', serving, options: '{}' }
  const unknown = { engine: '', model_id: '', dimension: 0, count: 0, next_slot: 0, created_at: '', updated_at: '' }
  const set: SetRow = { ...unknown, number: serving, uid: '', gallery: number, stage: 'ready', about: '{}' }
  return { gallery, set, isDamaged: true }
}

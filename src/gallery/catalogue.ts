/** Which galleries there are, which embedding sets each of them has, and in which engine those live. */
import { randomBytes } from 'node:crypto'
import type { EmbeddingSet } from './engine.js'
import type { GalleryChange, GalleryOptions } from './gallery-options.js'
import type { JsonValue, Metadata } from './records.js'

/** What is needed to find a gallery's pictures. */
export interface CatalogueEntry {
  name: string
  /** New for each creation, so that a deleted and recreated gallery is never taken for the old one. */
  uid: string
  /** Name of the engine of the set that serves. */
  engine: string
  /** That serves; whether it is ready is not for the catalogue to say. */
  set: Omit<EmbeddingSet, 'state'>
  options: GalleryOptions
}

/** … and what its owner says of it. */
export interface CatalogueRecord extends CatalogueEntry {
  /** Free settings of the owner, stored as they are. */
  settings: Metadata
  /** It is damaged on the disk: only the name is told, and the gallery can only be deleted. */
  unreadable?: 'record'
  createdAt: string
  updatedAt: string
}

export interface NewCatalogueEntry extends Omit<CatalogueEntry, 'set' | 'options'> {
  /** Left out: none. */
  options?: GalleryOptions | undefined
  /** Of its first set, which serves. */
  setUid: string
  modelId: string
  dimension: number
  settings: Metadata
  /** Galleries there may be. */
  galleriesMax: number
}

/** `building`: its pictures are being embedded. `ready`: they were. `serving`: searches are answered from it. `kept`: it did serve, and can again. All but `serving` are brought up to date with the one that serves. */
export const setStages = ['building', 'ready', 'serving', 'kept'] as const
export type SetStage = (typeof setStages)[number]

export interface CatalogueSet extends Omit<EmbeddingSet, 'state'> {
  /** Name of the engine that it lives in. */
  engine: string
  stage: SetStage
  /** What else is remembered of it; opaque here. */
  about: { [key: string]: JsonValue }
  createdAt: string
}

export type NewCatalogueSet = Omit<CatalogueSet, 'stage' | 'createdAt'>

/** Left out: as it was. */
export interface SetChange {
  stage?: Exclude<SetStage, 'serving'> | undefined
  about?: CatalogueSet['about'] | undefined
}

/** Galleries read at once where all are gone through. */
export const readAtOnce = 1_000

/** Of a gallery or a set. */
export function newUid(): string {
  return randomBytes(8).toString('hex')
}

export interface Catalogue {
  /** @throws AlikeError `galleries_full`, `storage_full`, `overloaded` @returns the one that exists, if one of this name does */
  create(entry: NewCatalogueEntry): Promise<{ gallery: CatalogueRecord; created: boolean }>
  /** @throws AlikeError `data_unreadable` */
  find(name: string): Promise<CatalogueEntry | undefined>
  /** As on a list. */
  record(name: string): Promise<CatalogueRecord | undefined>
  /** By name, ascending, after this one: as many as are asked for, or of which the settings have room. @param maxLength of the settings in characters; one record at least @returns their length, too */
  list(page: {
    after: string
    limit: number
    maxLength: number
  }): Promise<{ records: CatalogueRecord[]; length: number }>
  /** The first of those after this name, by name; of damaged ones what can be read. */
  entries(page: { after: string; limit: number }): Promise<CatalogueEntry[]>
  /** See `changedOptions`. @throws AlikeError `gallery_not_found`, `storage_full`, `overloaded` */
  change(name: string, change: GalleryChange): Promise<CatalogueRecord>
  /** Frees the name at once, whatever became of the record. @returns what was under it @throws AlikeError `gallery_not_found` */
  remove(name: string): Promise<{ uid: string; sets: Pick<CatalogueSet, 'uid' | 'engine'>[] }>

  /** Of one gallery, in the order of their making. @throws AlikeError `gallery_not_found` */
  sets(galleryUid: string): Promise<CatalogueSet[]>
  /** As `building`. @throws AlikeError `set_exists` where there is another one besides the one that serves, `gallery_not_found`, `storage_full`, `overloaded` */
  addSet(set: NewCatalogueSet): Promise<CatalogueSet>
  /** @throws AlikeError `set_not_found`, `storage_full`, `overloaded` */
  changeSet(setUid: string, change: SetChange): Promise<CatalogueSet>
  /** In one write: this set serves, and the one that did is `kept`. @param about of the one that did @throws AlikeError `set_not_found`, `storage_full`, `overloaded` */
  serve(setUid: string, about: CatalogueSet['about']): Promise<void>
  /** Its row; what it stored is given back in the background. Nothing where there is none. @throws AlikeError `set_in_use` for the one that serves, `storage_full`, `overloaded` */
  removeSet(setUid: string): Promise<void>
}

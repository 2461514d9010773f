/** Which galleries exist, which embedding sets each of them has, and which engine stores those. */
import { randomBytes } from 'node:crypto'
import type { EmbeddingSet } from './engine.js'
import type { GalleryChange, GalleryOptions } from './gallery-options.js'
import type { JsonValue, Metadata } from './metadata.js'

/** What is needed to find a gallery's pictures. */
export interface CatalogueEntry {
  name: string
  /** New for each creation, so that a deleted and recreated gallery is never taken for the old one. */
  uid: string
  /** Name of the engine of the serving set. */
  engine: string
  /** Uid of the serving set; whether it is ready is not the catalogue's concern. */
  set: Omit<EmbeddingSet, 'state'>
  options: GalleryOptions
}

/** An entry with its owner's settings. */
export interface CatalogueRecord extends CatalogueEntry {
  /** Free-form settings of the owner, stored unchanged. */
  settings: Metadata
  /** The record is damaged on disk: only the name is known, and the gallery can only be deleted. */
  unreadable?: 'record'
  createdAt: string
  updatedAt: string
}

export interface NewCatalogueEntry extends Omit<CatalogueEntry, 'set' | 'options'> {
  /** Default: none. */
  options?: GalleryOptions | undefined
  /** Of its first set, which serves. */
  setUid: string
  modelId: string
  dimension: number
  /** Of that set; default: nothing. */
  about?: CatalogueSet['about'] | undefined
  settings: Metadata
  galleriesMax: number
}

/**
 * `building`: its pictures are being embedded. `ready`: complete. `serving`: searches are answered from it. `kept`: it
 * served before, and can again. All but `serving` are kept in step with the serving set.
 */
export const setStages = ['building', 'ready', 'serving', 'kept'] as const
export type SetStage = (typeof setStages)[number]

export interface CatalogueSet extends Omit<EmbeddingSet, 'state'> {
  /** Name of the engine that stores it. */
  engine: string
  stage: SetStage
  /** Further facts about it; opaque here. */
  about: { [key: string]: JsonValue }
  createdAt: string
}

export type NewCatalogueSet = Omit<CatalogueSet, 'stage' | 'createdAt'>

/** A set whose row was removed, alone or with its gallery. */
export interface RemovedSet extends Pick<CatalogueSet, 'uid' | 'engine'> {
  removedAt: string
}

/** Undefined: unchanged. */
export interface SetChange {
  stage?: Exclude<SetStage, 'serving'> | undefined
  about?: CatalogueSet['about'] | undefined
}

/** Galleries read at once when iterating over all of them. */
export const readAtOnce = 1_000

/** Id of a gallery or a set. */
export function newUid(): string {
  return randomBytes(8).toString('hex')
}

export interface Catalogue {
  /**
   * @throws AlikeError `galleries_full`, `storage_full`, `overloaded`
   * @returns the existing gallery, if there is one with this name
   */
  create(entry: NewCatalogueEntry): Promise<{ gallery: CatalogueRecord; created: boolean }>
  /** @throws AlikeError `data_unreadable` */
  find(name: string): Promise<CatalogueEntry | undefined>
  /** The record as `list` returns it, even if it is damaged. */
  record(name: string): Promise<CatalogueRecord | undefined>
  /**
   * By name, ascending, after this name: as many as requested, or as fit the limit on settings.
   * @param maxLength of the settings in characters; at least one record is returned
   * @returns also their length
   */
  list(page: {
    after: string
    limit: number
    maxLength: number
  }): Promise<{ records: CatalogueRecord[]; length: number }>
  /** The first galleries after this name, by name; of damaged ones, as much as can be read. */
  entries(page: { after: string; limit: number }): Promise<CatalogueEntry[]>
  /** See `changedOptions`. @throws AlikeError `gallery_not_found`, `storage_full`, `overloaded` */
  change(name: string, change: GalleryChange): Promise<CatalogueRecord>
  /**
   * Frees the name at once, even if the record is damaged.
   * @param unprepared uid of the only gallery that is meant, and that only while no storage has been prepared for it; default: whichever
   * has the name
   * @returns what it contained
   * @throws AlikeError `gallery_not_found`
   */
  remove(name: string, unprepared?: string): Promise<{ uid: string; sets: Pick<CatalogueSet, 'uid' | 'engine'>[] }>

  /**
   * The sets of one gallery, in order of creation.
   * @throws AlikeError `gallery_not_found`
   */
  sets(galleryUid: string): Promise<CatalogueSet[]>
  /**
   * Created as `building`.
   * @throws AlikeError `set_exists` if there is another set besides the serving one, `gallery_not_found`,
   * `storage_full`, `overloaded`
   */
  addSet(set: NewCatalogueSet): Promise<CatalogueSet>
  /** @throws AlikeError `set_not_found`, `storage_full`, `overloaded` */
  changeSet(setUid: string, change: SetChange): Promise<CatalogueSet>
  /**
   * In one write: this set serves, and the previous one becomes `kept`.
   * @param about of the previous one
   * @throws AlikeError `set_not_found`, `storage_full`, `overloaded`
   */
  serve(setUid: string, about: CatalogueSet['about']): Promise<void>
  /**
   * Deletes its row; its storage is freed in the background. Does nothing if there is none.
   * @throws AlikeError `set_in_use` for the serving set, `storage_full`, `overloaded`
   */
  removeSet(setUid: string): Promise<void>
  /** Sets whose engine may still have storage for them, the earliest first: recorded with their removal. */
  removedSets(): Promise<RemovedSet[]>
  /** Its storage is free. Does nothing if it is not recorded. */
  forgetRemoved(setUid: string): Promise<void>
}

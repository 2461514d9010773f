/** Which galleries there are, and in which engine each of them lives. */
import type { EmbeddingSet } from './engine.js'
import type { Metadata } from './records.js'

/** What is needed to find a gallery's pictures. */
export interface CatalogueEntry {
  name: string
  /** New for each creation, so that a deleted and recreated gallery is never taken for the old one. */
  uid: string
  /** Name of its engine. */
  engine: string
  /** Of the set that serves; whether it is ready is not for the catalogue to say. */
  set: Omit<EmbeddingSet, 'state'>
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

export interface NewCatalogueEntry extends Omit<CatalogueEntry, 'set'> {
  modelId: string
  dimension: number
  settings: Metadata
  /** Galleries there may be. */
  galleriesMax: number
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
  /** Frees the name at once, whatever became of the record. @returns what was under it @throws AlikeError `gallery_not_found` */
  remove(name: string): Promise<Pick<CatalogueEntry, 'uid' | 'engine'>>
}

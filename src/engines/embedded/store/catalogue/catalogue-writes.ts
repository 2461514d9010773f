/** Changes to galleries and embedding sets as such, each as a step of a transaction that the writer thread holds open. */
import { AlikeError } from '../../../../errors.js'
import type { CatalogueRecord, CatalogueSet, NewCatalogueSet, SetChange } from '../../../../gallery/catalogue.js'
import type { GalleryChange } from '../../../../gallery/gallery-options.js'
import { isPrepared } from '../../../../gallery/prepared-sets.js'
import { type GalleryRow, recordOf } from './gallery-row.js'
import type { GalleryTable, NewGallery } from './gallery-table.js'
import type { RemovedSetTable } from './removed-set-table.js'
import type { SetRow, SetTable } from './set-table.js'

export interface GalleryDeletion {
  gallery: number
  /** It stays if storage has been prepared for one of its sets. */
  onlyUnprepared: boolean
  at: string
}

export interface CatalogueTables {
  galleries: GalleryTable
  sets: SetTable
  removedSets: RemovedSetTable
}

export class CatalogueWrites {
  readonly #galleries: GalleryTable
  readonly #sets: SetTable
  readonly #removedSets: RemovedSetTable

  constructor({ galleries, sets, removedSets }: CatalogueTables) {
    this.#galleries = galleries
    this.#sets = sets
    this.#removedSets = removedSets
  }

  /** Returns an existing gallery of the same name; the caller decides whether it is acceptable. */
  createGallery(gallery: NewGallery): { gallery: CatalogueRecord; created: boolean } {
    const existing = this.#galleries.find(gallery.name)
    if (existing !== undefined) return { gallery: recordOf(existing), created: false }
    return { gallery: recordOf(this.#galleries.insert(gallery)), created: true }
  }

  changeGallery(name: string, change: GalleryChange): CatalogueRecord {
    return recordOf(this.#galleries.change(name, change))
  }

  /**
   * Frees the name at once; `GalleryWrites.purge` removes the rows.
   * @returns the gallery's sets
   * @throws AlikeError `gallery_not_found` for one whose storage has been prepared, if only another is meant
   */
  deleteGallery({ gallery, onlyUnprepared, at }: GalleryDeletion): Pick<CatalogueSet, 'uid' | 'engine'>[] {
    if (onlyUnprepared && this.#sets.wholeOf(gallery).some(isPreparedRow)) throw new AlikeError('gallery_not_found')
    const sets = this.#sets.placesOf(gallery)
    this.#galleries.release(gallery)
    this.#sets.releaseAll(gallery, at)
    this.#removedSets.add(sets, at)
    return sets
  }

  /** @throws AlikeError `set_exists`, `gallery_not_found` */
  addSet({ uid, galleryUid, engine, modelId, dimension, about }: NewCatalogueSet, at: string): CatalogueSet {
    const gallery = this.#galleries.ofUid(galleryUid)
    if (this.#sets.ofGallery(gallery.number).length > 1)
      throw new AlikeError('set_exists', { detail: 'There is another set besides the serving one; delete it first.' })
    const identity = {
      number: this.#sets.nextNumber(),
      uid,
      gallery: gallery.number,
      engine,
      model_id: modelId,
      dimension,
    }
    const row = this.#sets.insert({ ...identity, stage: 'building', about: JSON.stringify(about), created_at: at })
    return setOf(row, gallery)
  }

  /** @throws AlikeError `set_not_found` */
  changeSet(setUid: string, { stage, about }: SetChange, at: string): CatalogueSet {
    const row = this.#get(setUid)
    const changed: SetRow = {
      ...row,
      ...(stage !== undefined && { stage }),
      ...(about !== undefined && { about: JSON.stringify(about) }),
      // what is noted about a set is no change of its pictures
      ...(stage !== undefined && { updated_at: at }),
    }
    this.#sets.save(changed)
    return setOf(changed, this.#galleries.get(row.gallery))
  }

  /** @throws AlikeError `set_not_found` */
  serveSet(setUid: string, about: CatalogueSet['about'], at: string): void {
    const set = this.#get(setUid)
    const gallery = this.#galleries.get(set.gallery)
    if (gallery.serving === set.number) return
    const former = this.#sets.get(gallery.serving)
    this.#sets.save({ ...former, stage: 'kept', about: JSON.stringify(about), updated_at: at })
    this.#sets.save({ ...set, stage: 'ready' })
    this.#galleries.serve(gallery.number, set.number)
  }

  /** @throws AlikeError `set_in_use` */
  removeSet(setUid: string, at: string): void {
    const set = this.#sets.find(setUid)
    if (set === undefined) return
    if (this.#galleries.get(set.gallery).serving === set.number) throw new AlikeError('set_in_use')
    this.#sets.release(set.number, at)
    this.#removedSets.add([set], at)
  }

  /** Its storage is known to be free. */
  forgetRemoved(setUid: string): void {
    this.#removedSets.delete(setUid)
  }

  #get(setUid: string): SetRow {
    const row = this.#sets.find(setUid)
    if (row === undefined) throw new AlikeError('set_not_found')
    return row
  }
}

function isPreparedRow({ about }: SetRow): boolean {
  return isPrepared({ about: JSON.parse(about) as CatalogueSet['about'] })
}

export function setOf(row: SetRow, gallery: Pick<GalleryRow, 'uid' | 'serving'>): CatalogueSet {
  return {
    uid: row.uid,
    galleryUid: gallery.uid,
    engine: row.engine,
    modelId: row.model_id,
    dimension: row.dimension,
    stage: row.number === gallery.serving ? 'serving' : (row.stage as CatalogueSet['stage']),
    about: JSON.parse(row.about) as CatalogueSet['about'],
    createdAt: row.created_at,
  }
}

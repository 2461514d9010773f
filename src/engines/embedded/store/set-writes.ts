/** Changes to embedding sets as such, each as a step of a transaction that the writer thread holds open. */
import { AlikeError } from '../../../errors.js'
import type { CatalogueSet, NewCatalogueSet, SetChange } from '../../../gallery/catalogue.js'
import type { GalleryRow } from './gallery-row.js'
import type { GalleryTable } from './gallery-table.js'
import type { RemovedSetTable } from './removed-set-table.js'
import type { SetRow, SetTable } from './set-table.js'

export interface SetWritesOptions {
  galleries: GalleryTable
  sets: SetTable
  removed: RemovedSetTable
}

export class SetWrites {
  readonly #galleries: GalleryTable
  readonly #sets: SetTable
  readonly #removed: RemovedSetTable

  constructor({ galleries, sets, removed }: SetWritesOptions) {
    this.#galleries = galleries
    this.#sets = sets
    this.#removed = removed
  }

  /** @throws AlikeError `set_exists`, `gallery_not_found` */
  add({ uid, galleryUid, engine, modelId, dimension, about }: NewCatalogueSet, at: string): CatalogueSet {
    const gallery = this.#galleries.ofUid(galleryUid)
    if (this.#sets.ofGallery(gallery.number).length > 1)
      throw new AlikeError('set_exists', { detail: 'There is another set besides the serving one; delete it first.' })
    const made = { number: this.#sets.nextNumber(), uid, gallery: gallery.number, engine, model_id: modelId, dimension }
    const row = this.#sets.insert({ ...made, stage: 'building', about: JSON.stringify(about), created_at: at })
    return setOf(row, gallery)
  }

  /** @throws AlikeError `set_not_found` */
  change(setUid: string, { stage, about }: SetChange, at: string): CatalogueSet {
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
  serve(setUid: string, about: CatalogueSet['about'], at: string): void {
    const set = this.#get(setUid)
    const gallery = this.#galleries.get(set.gallery)
    if (gallery.serving === set.number) return
    const former = this.#sets.get(gallery.serving)
    this.#sets.save({ ...former, stage: 'kept', about: JSON.stringify(about), updated_at: at })
    this.#sets.save({ ...set, stage: 'ready' })
    this.#galleries.serve(gallery.number, set.number)
  }

  /** @throws AlikeError `set_in_use` */
  remove(setUid: string, at: string): void {
    const set = this.#sets.find(setUid)
    if (set === undefined) return
    if (this.#galleries.get(set.gallery).serving === set.number) throw new AlikeError('set_in_use')
    this.#sets.release(set.number, at)
    this.#removed.add([set], at)
  }

  #get(setUid: string): SetRow {
    const row = this.#sets.find(setUid)
    if (row === undefined) throw new AlikeError('set_not_found')
    return row
  }
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

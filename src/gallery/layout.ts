/** A set's layout in two dimensions, as the rest of Alike sees it, and where it is kept. Derived: it can be made anew at any time. */

export interface LaidOut {
  id: string
  /** −1 to 1. */
  x: number
  y: number
  /** Share of its nearest labelled images that have another label; null: not known. */
  doubt: number | null
}

export interface LayoutMethod {
  pcaDimensions: number
  /** Images that UMAP laid out; the others lie among their nearest of those. */
  sampled: number
  neighbours: number
  seed: number
}

export interface LayoutAbout {
  modelId: string
  /** ISO 8601. */
  madeAt: string
  /** Of the set when it was read; see `OpenSet.mark`. */
  mark: string
  images: number
  method: LayoutMethod
}

export interface StoredLayout extends LayoutAbout {
  generation: number
}

/** Behind which point of which layout a page begins. */
export interface LayoutPlace {
  generation: number
  position: number
}

export interface LayoutPage<Point extends LaidOut = LaidOut> {
  points: Point[]
  /** Left out on the last page. */
  next?: LayoutPlace | undefined
}

/** Of each set the newest layout that was finished, whatever engine its images live in. They go with their set. */
export interface LayoutStore {
  /** Takes the place of the former one once all of it is stored. @throws AlikeError `gallery_not_found`, `storage_full`, `overloaded` */
  save(setUid: string, about: Omit<LayoutAbout, 'madeAt'>, points: readonly LaidOut[]): Promise<void>
  /** @throws AlikeError `gallery_not_found` */
  about(setUid: string): Promise<StoredLayout | undefined>
  /** As they were laid out; images may be gone by now. */
  page(setUid: string, limit: number, place: LayoutPlace): Promise<LayoutPage>
}

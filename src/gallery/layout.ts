/**
 * A set's layout in two dimensions, as the rest of Alike sees it, and where it is stored. Derived data: it can be
 * recomputed at any time.
 */

export interface LaidOut {
  id: string
  /** −1 to 1. */
  x: number
  y: number
  /** Share of its nearest labelled images that have another label; null: unknown. */
  doubt: number | null
}

export interface LayoutMethod {
  pcaDimensions: number
  /** Images laid out by UMAP; the others are placed among their nearest of those. */
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

/** The point of a layout after which a page begins. */
export interface LayoutPlace {
  generation: number
  position: number
}

export interface LayoutPage<Point extends LaidOut = LaidOut> {
  points: Point[]
  /** Absent on the last page. */
  next?: LayoutPlace | undefined
}

/** The newest finished layout of each set, whatever engine stores its images. Deleted with the set. */
export interface LayoutStore {
  /**
   * Replaces the previous layout once it is stored completely.
   * @throws AlikeError `gallery_not_found`, `storage_full`
   */
  save(setUid: string, about: Omit<LayoutAbout, 'madeAt'>, points: readonly LaidOut[]): Promise<void>
  /** @throws AlikeError `gallery_not_found` */
  about(setUid: string): Promise<StoredLayout | undefined>
  /** As computed; images may have been deleted since. */
  page(setUid: string, limit: number, place: LayoutPlace): Promise<LayoutPage>
}

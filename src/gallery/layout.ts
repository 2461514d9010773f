/** A gallery's layout in two dimensions, as the rest of Alike sees it. Derived: it can be made anew at any time. */

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
  /** Of the set when it was read; see `SetLayout.mark`. */
  mark: string
  images: number
  method: LayoutMethod
}

export interface LayoutPage {
  /** With labels as they are now; images that are gone are left out. */
  points: (LaidOut & { label: string | null })[]
  /** Left out on the last page. */
  next?: LayoutPlace | undefined
}

/** Behind which point of which layout a page begins. */
export interface LayoutPlace {
  generation: number
  position: number
}

/** Of one set of images: the newest layout that was finished. */
export interface SetLayout {
  /** Another one as soon as an image is added, replaced or removed. */
  mark(): Promise<string>
  /** Takes the place of the former one once all of it is stored. @throws AlikeError `storage_full`, `overloaded` */
  save(about: Omit<LayoutAbout, 'madeAt'>, points: readonly LaidOut[]): Promise<void>
  about(): Promise<(LayoutAbout & { generation: number }) | undefined>
  /** @param place left out: the first page */
  page(limit: number, place: LayoutPlace): Promise<LayoutPage>
}

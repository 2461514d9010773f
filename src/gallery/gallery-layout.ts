/** The layout of a gallery's serving set, with the current state of its images. */
import { nextTurn } from '../turns.js'
import type { OpenSet } from './engine.js'
import type { LaidOut, LayoutAbout, LayoutPage, LayoutPlace, LayoutStore, StoredLayout } from './layout.js'

export interface GalleryLayoutOptions {
  setUid: string
  store: LayoutStore
  set: Pick<OpenSet, 'find' | 'mark'>
}

/** Images looked up before yielding to others: a few milliseconds. */
const foundAtOnce = 200

export class GalleryLayout {
  readonly #options: GalleryLayoutOptions

  constructor(options: GalleryLayoutOptions) {
    this.#options = options
  }

  /** Changes whenever an image is added, replaced or deleted. */
  mark(): Promise<string> {
    return this.#options.set.mark()
  }

  /**
   * Replaces the previous layout once it is stored completely.
   * @throws AlikeError `storage_full`
   */
  save(about: Omit<LayoutAbout, 'madeAt'>, points: readonly LaidOut[]): Promise<void> {
    return this.#options.store.save(this.#options.setUid, about, points)
  }

  about(): Promise<StoredLayout | undefined> {
    return this.#options.store.about(this.#options.setUid)
  }

  /** With current labels; deleted images are left out. */
  async page(limit: number, place: LayoutPlace): Promise<LayoutPage<LaidOut & { label: string | null }>> {
    const { store, setUid, set } = this.#options
    const { points, next } = await store.page(setUid, limit, place)
    const labelled: (LaidOut & { label: string | null })[] = []
    for (let begin = 0; begin < points.length; begin += foundAtOnce) {
      if (begin > 0) await nextTurn()
      const batch = points.slice(begin, begin + foundAtOnce)
      const labelOf = new Map((await set.find(batch.map(({ id }) => id))).map(({ id, label }) => [id, label]))
      for (const point of batch) {
        const label = labelOf.get(point.id)
        if (label !== undefined) labelled.push({ ...point, label })
      }
    }
    return { points: labelled, next }
  }
}

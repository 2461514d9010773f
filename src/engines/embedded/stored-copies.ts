/** Near-copies within a set: translates between slots in the store and ids in the interface. */
import type { Identified, SetCopies, UndescribedPage } from '../../gallery/engine.js'
import type { GalleryStore } from './store/gallery-store.js'

export interface StoredCopiesOptions {
  /** The set's number. */
  number: number
  store: GalleryStore
  slotsOf(images: readonly Identified[]): Uint32Array
}

export class StoredCopies implements SetCopies {
  readonly #options: StoredCopiesOptions

  constructor(options: StoredCopiesOptions) {
    this.#options = options
  }

  scores(query: readonly Uint8Array[], hits: readonly Identified[]): Promise<Float32Array> {
    const { store, number, slotsOf } = this.#options
    return store.copies.ask('scores', { gallery: number, query, slots: slotsOf(hits) })
  }

  likeness(rows: number, columns: readonly Identified[], least: number): Promise<Float32Array> {
    const { store, number, slotsOf } = this.#options
    return store.copies.ask('likeness', { gallery: number, rows, columns: slotsOf(columns), least })
  }

  async descriptor(id: string): Promise<Uint8Array | undefined> {
    const { store, number } = this.#options
    return store.readAtOnce(({ images, descriptors }) => {
      const slot = images.slot(number, id)
      return slot === undefined ? undefined : descriptors.find(number, slot)
    })
  }

  /** The cursor is a slot. */
  async undescribed({ cursor = 0, limit }: { cursor?: number | undefined; limit: number }): Promise<UndescribedPage> {
    const { store, number } = this.#options
    const images = await store.copies.ask('undescribed', { gallery: number, fromSlot: cursor, limit })
    return { images, ...(images.length === limit && { nextCursor: images.at(-1)!.slot + 1 }) }
  }

  describe(described: readonly { image: Identified; descriptor: Uint8Array }[]): Promise<number> {
    const { store, number, slotsOf } = this.#options
    return store.writes.run(async (commit) => {
      const slots = slotsOf(described.map(({ image }) => image))
      return commit('describeImages', {
        set: number,
        described: described.map(({ descriptor }, i) => ({ slot: slots[i]!, descriptor })),
      })
    })
  }
}

/** A set's layout, written in steps so that other writes get their turns. */
import type { LaidOut, LayoutAbout, LayoutPage, LayoutPlace, SetLayout } from '../../gallery/layout.js'
import type { BoundedWrites } from './bounded-writes.js'
import type { GalleryStore } from './store/gallery-store.js'

export interface StoredLayoutOptions {
  /** Of the gallery. */
  number: number
  store: GalleryStore
  writes: BoundedWrites
  /** The time, ISO 8601. */
  now(): string
}

/** Points of one write: some milliseconds. */
const pointsAtOnce = 1_000

export class StoredLayout implements SetLayout {
  readonly #options: StoredLayoutOptions

  constructor(options: StoredLayoutOptions) {
    this.#options = options
  }

  async mark(): Promise<string> {
    const { store, number } = this.#options
    const { next_slot, count } = store.read(({ galleries }) => galleries.get(number))
    return `${next_slot} ${count}`
  }

  async save(about: Omit<LayoutAbout, 'madeAt'>, points: readonly LaidOut[]): Promise<void> {
    const { store, writes, number: gallery, now } = this.#options
    const generation = ((await this.about())?.generation ?? 0) + 1
    // what an interrupted one has left
    await this.#dropOthers(generation - 1)
    for (let from = 0; from < points.length; from += pointsAtOnce) {
      const request = { gallery, generation, from, points: points.slice(from, from + pointsAtOnce) }
      await writes.run(() => store.write('addLayoutPoints', request))
    }
    await writes.run(() => store.write('finishLayout', { gallery, generation, about: { ...about, madeAt: now() } }))
    await this.#dropOthers(generation)
  }

  async about(): Promise<(LayoutAbout & { generation: number }) | undefined> {
    const { store, number } = this.#options
    return store.read(({ layouts }) => layouts.about(number))
  }

  async page(limit: number, place: LayoutPlace): Promise<LayoutPage> {
    const { store, number } = this.#options
    return store.read(({ layouts }) => layouts.page(number, place, limit))
  }

  async #dropOthers(generation: number): Promise<void> {
    const { store, writes, number: gallery } = this.#options
    while (await writes.run(() => store.write('dropLayoutPoints', { gallery, generation, limit: pointsAtOnce }))) {}
  }
}

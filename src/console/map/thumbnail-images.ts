/** Thumbnails as images for a canvas; each is requested once, and the page is notified when it has loaded. */
import { takeThumbnail } from '../api/thumbnails.js'

export class ThumbnailImages {
  readonly #images = new Map<string, HTMLImageElement | undefined>()
  readonly #leaving = new AbortController()
  readonly #gallery: string
  readonly #onLoaded: () => void

  constructor(gallery: string, onLoaded: () => void) {
    this.#gallery = gallery
    this.#onLoaded = onLoaded
  }

  of(id: string): HTMLImageElement | undefined {
    return this.#images.get(id)
  }

  want(ids: readonly string[]): void {
    for (const id of ids) if (!this.#images.has(id)) void this.#load(id)
  }

  close(): void {
    this.#leaving.abort()
  }

  async #load(id: string): Promise<void> {
    this.#images.set(id, undefined)
    try {
      const address = await takeThumbnail({ gallery: this.#gallery, id, signal: this.#leaving.signal })
      if (address === undefined) return
      const image = new Image()
      image.src = address
      await image.decode()
      this.#images.set(id, image)
      this.#onLoaded()
    } catch {
      // it remains a point
    }
  }
}

/** Thumbnails as images for a canvas; each is requested once, and the page is notified when it has loaded. */
import { releaseThumbnail, takeThumbnail } from '../api/thumbnails.js'

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
    const wanted = { gallery: this.#gallery, id }
    try {
      const address = await takeThumbnail({ ...wanted, signal: this.#leaving.signal })
      const image = new Image()
      image.src = address
      // once decoded, it no longer needs its URL
      await image.decode().finally(() => releaseThumbnail(wanted))
      this.#images.set(id, image)
      this.#onLoaded()
    } catch {
      // it remains a point
    }
  }
}

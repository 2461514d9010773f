/** The pictures of a gallery in id order, loaded page by page on demand. */
import { signal } from '@preact/signals'
import { answerOf, type Schemas, service } from '../api/service.js'

export type GalleryImage = Schemas['Image']

const pageSize = 1_000

export interface ImageListOptions {
  gallery: string
  /** Empty: pictures without a label. */
  label?: string | undefined
  /** The API's form, as JSON. */
  filter?: string | undefined
}

/** Read counts and pictures through `version`, which changes with them. */
export class ImageList {
  readonly version = signal(0)
  images: readonly GalleryImage[] = []
  ended = false
  error: unknown

  readonly #options: ImageListOptions
  readonly #leaving = new AbortController()
  readonly #known: GalleryImage[] = []
  #cursor: string | undefined
  #wanted = 0
  #reading = false

  constructor(options: ImageListOptions) {
    this.#options = options
  }

  /** Loads until there are this many, or no more. */
  want(count: number): void {
    this.#wanted = Math.max(this.#wanted, count)
    if (!this.#reading) void this.#read()
  }

  close(): void {
    this.#leaving.abort()
  }

  /** Replaces a shown record. */
  replace(image: GalleryImage): void {
    const place = this.#known.findIndex(({ id }) => id === image.id)
    if (place !== -1) this.#known[place] = image
    this.#show()
  }

  #show(): void {
    this.images = [...this.#known]
    this.version.value++
  }

  async #read(): Promise<void> {
    this.#reading = true
    try {
      while (!this.ended && this.images.length < this.#wanted) await this.#readPage()
    } catch (error) {
      if (!this.#leaving.signal.aborted) this.error = error
      this.ended = true
    }
    this.#reading = false
    this.version.value++
  }

  async #readPage(): Promise<void> {
    const { gallery, label, filter } = this.#options
    const query = {
      limit: pageSize,
      ...(label !== undefined && { label }),
      ...(filter !== undefined && { filter }),
      ...(this.#cursor && { cursor: this.#cursor }),
    }
    const { images, nextCursor } = await answerOf(
      service.GET('/v1/galleries/{gallery}/images', {
        params: { path: { gallery }, query },
        signal: this.#leaving.signal,
      }),
    )
    this.#known.push(...images)
    this.#cursor = nextCursor
    this.ended = nextCursor === undefined
    this.#show()
  }
}

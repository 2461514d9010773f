/** The pictures of a gallery in the order of their ids, read page by page as far as someone looks. */
import { signal } from '@preact/signals'
import { answerOf, type Schemas, service } from '../api/service.js'

export type GalleryImage = Schemas['Image']

const pageSize = 1_000

export interface ImageListOptions {
  gallery: string
  /** Empty: those without a label. */
  label?: string | undefined
  /** As the API takes it, its JSON. */
  filter?: string | undefined
}

/** Counts and pictures are read through `version`, which changes with them. */
export class ImageList {
  readonly version = signal(0)
  images: readonly GalleryImage[] = []
  ended = false
  error: unknown

  readonly #options: ImageListOptions
  readonly #leaving = new AbortController()
  readonly #known: GalleryImage[] = []
  readonly #hidden = new Set<string>()
  #cursor: string | undefined
  #wanted = 0
  #reading = false

  constructor(options: ImageListOptions) {
    this.#options = options
  }

  /** Reads on until there are so many, or no more. */
  want(count: number): void {
    this.#wanted = Math.max(this.#wanted, count)
    if (!this.#reading) void this.#read()
  }

  close(): void {
    this.#leaving.abort()
  }

  /** Another record in the place of one that is shown. */
  replace(image: GalleryImage): void {
    const place = this.#known.findIndex(({ id }) => id === image.id)
    if (place !== -1) this.#known[place] = image
    this.#show()
  }

  /** Out of sight at once; what brings them back is returned. */
  hide(ids: ReadonlySet<string>): () => void {
    for (const id of ids) this.#hidden.add(id)
    this.#show()
    return () => {
      for (const id of ids) this.#hidden.delete(id)
      this.#show()
    }
  }

  #show(): void {
    this.images = this.#known.filter(({ id }) => !this.#hidden.has(id))
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

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
  #leaving = new AbortController()
  #known: GalleryImage[] = []
  #cursor: string | undefined
  #wanted = 0
  #reading = false
  /** Since the page being read was requested, which may still hold them as they were. */
  #replaced = new Map<string, GalleryImage>()

  constructor(options: ImageListOptions) {
    this.#options = options
  }

  /** Loads until there are this many, or no more. */
  want(count: number): void {
    this.#wanted = Math.max(this.#wanted, count)
    if (!this.#reading) void this.#read()
  }

  /** Loads as many pictures again; the former ones are shown until then. */
  renew(): void {
    this.#leaving.abort()
    this.#leaving = new AbortController()
    this.#known = []
    this.#cursor = undefined
    this.ended = false
    this.error = undefined
    void this.#read()
  }

  close(): void {
    this.#leaving.abort()
  }

  /** Shows no longer what has been removed, and loads as many pictures again. */
  drop(ids: ReadonlySet<string>): void {
    this.images = this.images.filter(({ id }) => !ids.has(id))
    this.version.value++
    this.renew()
  }

  /** Replaces a shown record. */
  replace(image: GalleryImage): void {
    this.#replaced.set(image.id, image)
    const replaced = (images: readonly GalleryImage[]) => images.map((one) => (one.id === image.id ? image : one))
    this.#known = replaced(this.#known)
    this.images = replaced(this.images)
    this.version.value++
  }

  async #read(): Promise<void> {
    const { signal } = this.#leaving
    this.#reading = true
    try {
      while (!this.ended && this.#known.length < this.#wanted) await this.#readPage(signal)
    } catch (error) {
      if (signal.aborted) return
      this.error = error
      this.ended = true
    }
    this.#reading = false
    this.version.value++
  }

  async #readPage(signal: AbortSignal): Promise<void> {
    const { gallery, label, filter } = this.#options
    const query = {
      limit: pageSize,
      ...(label !== undefined && { label }),
      ...(filter !== undefined && { filter }),
      ...(this.#cursor && { cursor: this.#cursor }),
    }
    const replaced = new Map<string, GalleryImage>()
    this.#replaced = replaced
    const { images, nextCursor } = await answerOf(
      service.GET('/v1/galleries/{gallery}/images', {
        params: { path: { gallery }, query },
        signal,
      }),
    )
    signal.throwIfAborted()
    this.#known.push(...images.map((one) => replaced.get(one.id) ?? one))
    this.#cursor = nextCursor
    this.ended = nextCursor === undefined
    this.images = [...this.#known]
    this.version.value++
  }
}

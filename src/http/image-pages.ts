/** One page of a gallery's pictures, as shown to callers, with or without their embeddings. */
import type { Grant } from '../access/grants.js'
import { AlikeError } from '../errors.js'
import type { PageOfImages } from '../gallery/engine.js'
import type { Galleries } from '../gallery/galleries.js'
import type { ImagePage } from '../gallery/records.js'
import { ListCursors } from './list-cursors.js'
import { imageView } from './schemas/image.js'
import type { VectorFormat } from './schemas/vector-format.js'

export interface AskedPage {
  limit: number
  cursor: string | undefined
  /** Which pictures are listed. */
  narrowed: Pick<PageOfImages, 'label' | 'filter'>
  /** With embeddings. */
  vectors: boolean
  vectorFormat: VectorFormat | undefined
  /** Of the caller; undefined if the service is open. */
  grant: Grant | undefined
}

export interface ImagesShown {
  entries: ReturnType<typeof imageView>[]
  nextCursor?: string | undefined
}

/**
 * In slices, each in its own turn.
 * @throws RequestInvalid; AlikeError `serving_changed` if the embeddings of the previous page are from another model
 */
export async function pageOfImages(
  galleries: Galleries,
  gallery: string,
  { limit, cursor, narrowed, vectors, vectorFormat, grant }: AskedPage,
): Promise<AsyncIterable<ImagesShown>> {
  const cursors = new ListCursors(vectors ? 'embeddings' : 'images', gallery, narrowed)
  const place = cursor === undefined ? undefined : cursors.placeOf(cursor)
  if (!vectors) {
    const slices = galleries.images.slices(gallery, { ...narrowed, limit, after: place })
    return shown(slices, (id) => cursors.at(id), grant)
  }
  // the place is the id of a model, and that of a picture
  const [, before, after] = /^(\S+) (.*)$/s.exec(place ?? '') ?? []
  const { modelId, slices } = await galleries.images.embeddings(gallery, { ...narrowed, limit, after })
  if (before !== undefined && before !== modelId)
    throw new AlikeError('serving_changed', {
      detail: `The embeddings of the previous page are from model ${before}, the gallery is now served by ${modelId}.`,
    })
  return shown(slices, (id) => cursors.at(`${modelId} ${id}`), grant, vectorFormat)
}

async function* shown(
  slices: AsyncIterable<ImagePage>,
  cursorAt: (id: string) => string,
  grant: Grant | undefined,
  vectorFormat?: VectorFormat,
): AsyncGenerator<ImagesShown> {
  for await (const { images, next } of slices)
    yield { entries: images.map((image) => imageView(image, grant, vectorFormat)), nextCursor: next && cursorAt(next) }
}

/** Records for a list, with their embeddings if requested. */
import { lengthOfVector } from '../../gallery/engine.js'
import type { ListedImage } from '../../gallery/records.js'
import type { GalleryStore } from './store/gallery-store.js'
import type { Listed, ListOptions } from './store/images/image-table.js'

export interface ListPlace {
  /** The set's number. */
  number: number
  store: Pick<GalleryStore, 'read' | 'readAtOnce'>
  /** Of the embeddings; undefined: they are not read. */
  dimension?: number | undefined
}

/** Records and embeddings are read from one snapshot: a picture replaced in between does not get the embedding of another. */
export function listedImages(
  { number, store, dimension }: ListPlace,
  options: ListOptions,
): Omit<Listed, 'slots'> & { images: ListedImage[] } {
  if (dimension === undefined) return store.read(({ images }) => images.list(number, options))
  return store.readAtOnce(({ images: records, contents }) => {
    const { images, slots, ...rest } = records.list(number, { ...options, lengthOfEach: lengthOfVector(dimension) })
    const vectors = contents.vectors(number, slots)
    return { ...rest, images: images.map((image, i) => ({ ...image, vector: vectors.get(slots[i]!) ?? null })) }
  })
}

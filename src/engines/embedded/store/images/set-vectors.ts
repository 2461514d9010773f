/** All vectors of a set, page by page, as its index is built from them. */
import type { SlotVectors } from '../../vector-index/vector-index.js'
import type { SetRow } from '../catalogue/set-table.js'
import type { GalleryStore } from '../gallery-store.js'
import type { ReaderCalls } from '../reading/reader-protocol.js'

/** Vectors per page: a few megabytes. */
const pageBytes = 4 * 2 ** 20

type VectorPage = ReaderCalls['vectors']['reply']

/**
 * Every live vector in slot order; the next page is prefetched.
 * @param onDamaged receives slots with damaged embeddings, which are omitted
 */
export async function* setVectors(
  store: Pick<GalleryStore, 'scan'>,
  { number: gallery, dimension }: Pick<SetRow, 'number' | 'dimension'>,
  onDamaged: (slots: number[]) => void = () => {},
): AsyncGenerator<SlotVectors> {
  const limit = Math.ceil(pageBytes / (dimension * 4))
  const pageFrom = (fromSlot: number) => store.scan('vectors', { gallery, dimension, fromSlot, limit })
  let reading: Promise<VectorPage> | undefined = pageFrom(0)
  while (reading !== undefined) {
    const { slots, vectors, nextSlot, damaged }: VectorPage = await reading
    reading = nextSlot === undefined ? undefined : pageFrom(nextSlot)
    reading?.catch(() => {}) // awaited in the next iteration, unless the consumer stops first
    if (damaged.length > 0) onDamaged(damaged)
    if (slots.length > 0) yield { slots, vectors }
  }
}

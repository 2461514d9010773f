/**
 * One page of the pictures that match a filter: the reader thread finds the ids, the main thread reads the records in
 * turns.
 */
import { examinedMax } from '../../gallery/engine.js'
import type { Filter } from '../../gallery/filter.js'
import { fits } from '../../gallery/fits.js'
import type { ImagePage } from '../../gallery/records.js'
import { nextTurn } from '../../turns.js'
import { type ListPlace, listedImages } from './listed-images.js'
import type { GalleryStore } from './store/gallery-store.js'

export interface FittingPlace extends ListPlace {
  store: ListPlace['store'] & Pick<GalleryStore, 'scan'>
  /** Maximum characters of the records on a page, and of those read in one turn. */
  maxLength: number
  lengthOfTurn: number
  /** Pictures examined per call, so that other long reads get a turn, and per page. */
  examinedAtOnce: number
  examinedMax: number
}

export const usualBounds = Object.freeze({ examinedAtOnce: 10_000, examinedMax })

/** By id, ascending. A page may be short or even empty while more follow; its last slice says whether they do. */
export async function* pageOfFitting(
  { maxLength, lengthOfTurn, examinedAtOnce, examinedMax: max, ...place }: FittingPlace,
  { after, limit, filter }: { after: string; limit: number; filter: Filter },
): AsyncGenerator<ImagePage> {
  let [last, count, left] = [after, 0, maxLength]
  for (let examined = 0; ; ) {
    const request = { gallery: place.number, filter, after: last, examinedMax: examinedAtOnce }
    const found = await place.store.scan('fittingIds', { ...request, limit: limit - count + 1 })
    for (let { ids } = found; ids.length > 0; await nextTurn()) {
      const room = { limit: limit - count, maxLength: left, oneAtLeast: count === 0, lengthOfTurn }
      const { images, length, more } = listedImages(place, { after: last, ids, ...room })
      last = images.at(-1)?.id ?? last
      // one that was changed after the ids were found may no longer match
      const fitting = images.filter((image) => image.unreadable !== undefined || fits(image, filter))
      yield { images: fitting, ...(more === 'yes' && { next: last }) }
      if (more === 'yes') return
      left -= length
      count += fitting.length
      ids = more === 'no' ? [] : ids.slice(ids.lastIndexOf(last) + 1)
    }
    if (found.upTo === undefined) return
    last = found.upTo
    examined += examinedAtOnce
    if (examined >= max || count === limit) return yield { images: [], next: last }
  }
}

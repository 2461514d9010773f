/**
 * Compares two sets by id: first pictures of the serving set that differ or are missing in the other, then those only
 * the other has.
 */

import type { ImageRecord } from '../gallery/records.js'
import { nextTurn } from '../turns.js'
import type { SetMirror } from './set-mirror.js'

export interface ComparedPage {
  /** Records examined, in order. */
  looked: readonly ImageRecord[]
  /** Those that differ, with their position. */
  differing: readonly { id: string; place: number }[]
}

const recordsOfPage = 200

/** Changes behind the scan are not reported; they are recorded elsewhere. @throws the signal's reason */
export async function* differingImages(mirror: SetMirror, signal: AbortSignal): AsyncGenerator<ComparedPage> {
  let place = 0
  for await (const looked of pagesOf(mirror.from, signal)) {
    const placeOf = new Map(looked.map(({ id }, i) => [id, place + i]))
    const differing = (await mirror.differing(looked)).map(({ id }) => ({ id, place: placeOf.get(id)! }))
    place += looked.length
    yield { looked, differing }
  }
}

/** Ids that only the other set has. @throws the signal's reason */
export async function* goneImages(mirror: SetMirror, signal: AbortSignal): AsyncGenerator<string[]> {
  for await (const looked of pagesOf(mirror.to, signal)) {
    const here = new Set((await mirror.from.find(looked.map(({ id }) => id))).map(({ id }) => id))
    const gone = looked.flatMap(({ id }) => (here.has(id) ? [] : [id]))
    if (gone.length > 0) yield gone
  }
}

/** @throws the signal's reason */
export async function countListed(set: SetMirror['from'], signal: AbortSignal): Promise<number> {
  let count = 0
  for await (const page of pagesOf(set, signal)) count += page.length
  return count
}

/** A set's records by id, in slices. @throws the signal's reason */
export async function* pagesOf(set: SetMirror['from'], signal: AbortSignal): AsyncGenerator<readonly ImageRecord[]> {
  for (let after: string | undefined; ; ) {
    let end: string | undefined
    for await (const { images, next } of set.page({ after, limit: recordsOfPage })) {
      signal.throwIfAborted()
      if (images.length > 0) yield images
      end = next
    }
    if (end === undefined) return
    after = end
    await nextTurn()
  }
}

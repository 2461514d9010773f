/**
 * Changes that depend on what is stored: it is read, and written only if nobody has changed it in between. Otherwise it is
 * read again, so that no change is lost.
 */
import { AlikeError, hasCode } from '../errors.js'
import type { Filter } from './filter.js'
import { fits } from './fits.js'
import type { GalleryImages } from './gallery-images.js'
import { holds, type Precondition, versionOf } from './precondition.js'
import type { ImageChange, ImageRecord, PatchStep } from './records.js'

/** The change of a picture as it is stored; undefined if that cannot be read. */
export type ChangeOf = (stored: ImageRecord) => ImageChange | undefined

interface Edit {
  gallery: string
  changeOf: ChangeOf
}

/** Pictures read and written together. */
const editedAtOnce = 256
/** Others change a picture between reading and writing it a few times at most. */
const triesMax = 20

/**
 * Returns the picture's record as written.
 * @throws AlikeError `image_not_found`, `image_damaged`, `precondition_failed`, `storage_full`, `overloaded`; what
 * `changeOf` throws
 */
export async function editImage(
  images: Pick<GalleryImages, 'get' | 'patch'>,
  { gallery, changeOf, id, onlyIf }: Edit & { id: string; onlyIf: Precondition | undefined },
): Promise<ImageRecord> {
  for (let tries = 0; tries < triesMax; tries++) {
    const stored = await images.get(gallery, id)
    if (stored === undefined) throw new AlikeError('image_not_found')
    if (!holds(onlyIf, stored)) throw new AlikeError('precondition_failed')
    const change = changeOf(stored)
    if (change === undefined)
      throw new AlikeError('image_damaged', { detail: 'Its metadata cannot be read; replace it as a whole.' })
    try {
      return await images.patch(gallery, id, change, asRead(stored))
    } catch (error) {
      if (!hasCode(error, 'precondition_failed')) throw error
    }
  }
  throw overtaken()
}

/**
 * Every picture that matches, in groups: if it is interrupted, what was changed stays changed. One that no longer
 * matches when its turn comes stays as it is, and so does a damaged one.
 * @param signal aborted to stop between two groups
 * @returns how many matched and are changed
 * @throws AlikeError `overloaded`, `storage_full`; what `changeOf` throws; the signal's reason
 */
export async function editFitting(
  images: Pick<GalleryImages, 'page' | 'find' | 'change'>,
  { gallery, changeOf, filter, signal }: Edit & { filter: Filter; signal?: AbortSignal | undefined },
): Promise<number> {
  let changed = 0
  for (let after: string | undefined; ; ) {
    const page = await images.page(gallery, { filter, after, limit: editedAtOnce })
    let waiting = page.images
    for (let tries = 0; waiting.length > 0; tries++) {
      signal?.throwIfAborted()
      if (tries === triesMax) throw overtaken()
      const steps = waiting.flatMap((stored): PatchStep[] => {
        const change = changeOf(stored)
        return change === undefined ? [] : [{ patch: stored.id, change, onlyIf: asRead(stored) }]
      })
      const results = await images.change(gallery, steps)
      changed += results.filter((result) => 'patched' in result).length
      const again = steps.filter((_, i) => 'refused' in results[i]! && results[i].refused === 'precondition_failed')
      const now = await images.find(
        gallery,
        again.map(({ patch: id }) => id),
      )
      waiting = now.filter((stored) => fits(stored, filter))
    }
    if (page.next === undefined) return changed
    after = page.next
  }
}

function asRead(stored: ImageRecord): Precondition {
  return { match: [versionOf(stored)] }
}

function overtaken(): AlikeError {
  return new AlikeError('overloaded', { detail: 'Others keep changing the picture.', retryAfterSeconds: 1 })
}

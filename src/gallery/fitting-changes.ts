/**
 * One change of every picture that matches: they are read in pages, and each is written only if nobody has changed it in
 * between. Otherwise it is read again.
 */
import { AlikeError } from '../errors.js'
import type { Filter } from './filter.js'
import { fits } from './fits.js'
import type { GalleryImages } from './gallery-images.js'
import { versionOf } from './precondition.js'
import type { ImageChange, StepResult } from './records.js'

export interface FittingChange {
  gallery: string
  filter: Filter
  change: ImageChange
  /** Aborted to stop between two groups. */
  signal?: AbortSignal | undefined
}

/** Pictures read and written together. */
const changedAtOnce = 256
/** Others change a picture between reading and writing it a few times at most. */
const triesMax = 20

/**
 * In groups: if it is interrupted, what was changed stays changed. One that no longer matches when its turn comes stays as it
 * is, and so does a damaged one.
 * @returns how many matched and are changed
 * @throws AlikeError `metadata_too_large` once the others of a group are changed, `overloaded`, `storage_full`; the
 * signal's reason
 */
export async function changeFitting(
  images: Pick<GalleryImages, 'page' | 'find' | 'change'>,
  { gallery, filter, change, signal }: FittingChange,
): Promise<number> {
  let changed = 0
  for (let after: string | undefined; ; ) {
    const page = await images.page(gallery, { filter, after, limit: changedAtOnce })
    let waiting = page.images
    for (let tries = 0; waiting.length > 0; tries++) {
      signal?.throwIfAborted()
      if (tries === triesMax) throw overtaken()
      const read = waiting.map((image) => ({ id: image.id, version: versionOf(image) }))
      const steps = read.map(({ id, version }) => ({ patch: id, change, onlyIf: { match: [version] } }))
      const results = await images.change(gallery, steps)
      const those = (refused: string) => read.filter((_, i) => refusalOf(results[i]!) === refused).map(({ id }) => id)
      changed += results.filter((result) => 'patched' in result).length
      const [large] = those('metadata_too_large')
      if (large !== undefined) throw tooLarge(large)
      waiting = (await images.find(gallery, those('precondition_failed'))).filter((image) => fits(image, filter))
    }
    if (page.next === undefined) return changed
    after = page.next
  }
}

function refusalOf(result: StepResult): string | undefined {
  return 'refused' in result ? result.refused : undefined
}

function tooLarge(id: string): AlikeError {
  return new AlikeError('metadata_too_large', {
    detail: `Merged into the metadata of ${id}, it would be larger than metadata may be; others may have been changed.`,
  })
}

function overtaken(): AlikeError {
  return new AlikeError('overloaded', { detail: 'Others keep changing the pictures.', retryAfterSeconds: 1 })
}

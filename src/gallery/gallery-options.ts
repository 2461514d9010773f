/** What a gallery's owner chooses for it, and what follows from that. Pure. */

/** Of pictures as they came. `keep`: stored. `reference`: they stay where their owner has them, and the record says where. `none`: neither. */
export const originalsModes = ['keep', 'reference', 'none'] as const
export type OriginalsMode = (typeof originalsModes)[number]

/** As they are stored; what is left out is as the service is set up. */
export interface GalleryOptions {
  originals?: OriginalsMode
  /** Its pictures hold on to nothing that was kept of them: what no other gallery uses is removed. */
  released?: true
  /** Pictures that were asked with, kept for the next change of model. Left out: none. */
  keepQueries?: number
}

/** What is left out stays. */
export interface GalleryChange {
  originals?: OriginalsMode | undefined
  /** Also gives up what was kept of its pictures; only where none are kept any more. */
  releaseOriginals?: boolean | undefined
  keepQueries?: number | undefined
}

/** As they hold for a gallery. */
export interface GalleryRules {
  originals: OriginalsMode
  /** Whether what was kept of its pictures, now or before, is theirs still. */
  holdsOriginals: boolean
  keepQueries: number
}

/** Of a new gallery: one that keeps none from the beginning has nothing to hold on to. */
export function newOptions({ originals, keepQueries }: GalleryChange): GalleryOptions {
  return {
    ...(originals !== undefined && { originals }),
    ...(originals !== undefined && originals !== 'keep' && { released: true as const }),
    ...(keepQueries !== undefined && keepQueries > 0 && { keepQueries }),
  }
}

/** What was kept stays until it is said that it should not: a change of mind must not lose anything. */
export function changedOptions(options: GalleryOptions, change: GalleryChange): GalleryOptions {
  const { released, ...said } = options
  const keepQueries = change.keepQueries ?? said.keepQueries ?? 0
  const originals = change.originals ?? said.originals
  const isReleased = originals !== 'keep' && (change.releaseOriginals === true || released === true)
  return {
    ...(originals !== undefined && { originals }),
    ...(isReleased && { released: true as const }),
    ...(keepQueries > 0 && { keepQueries }),
  }
}

/** @param standard of galleries that do not say */
export function rulesOf(
  { originals, released, keepQueries = 0 }: GalleryOptions,
  standard: OriginalsMode,
): GalleryRules {
  return { originals: originals ?? standard, holdsOriginals: released !== true, keepQueries }
}

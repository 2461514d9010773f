/** A gallery's options as chosen by its owner, and the rules that follow from them. Pure. */

/**
 * How originals are handled. `keep`: stored. `reference`: they stay in their owner's storage, and the record refers to
 * them. `none`: neither.
 */
export const originalsModes = ['keep', 'reference', 'none'] as const
export type OriginalsMode = (typeof originalsModes)[number]

/** As stored; omitted options use the service's defaults. */
export interface GalleryOptions {
  originals?: OriginalsMode
  /** The gallery has released its originals: those that no other gallery uses are removed. */
  released?: true
  /** Recent query pictures to keep for the next change of model. Default: none. */
  keepQueries?: number
  /** Pictures that it may hold. Default: as many as its engine takes. */
  maxImages?: number
}

/** Omitted options are unchanged. */
export interface GalleryChange {
  originals?: OriginalsMode | undefined
  /** Also releases stored originals; only possible if no more are kept. */
  releaseOriginals?: boolean | undefined
  keepQueries?: number | undefined
  /** Null: no limit of its own. */
  maxImages?: number | null | undefined
}

/** The effective rules of a gallery. */
export interface GalleryRules {
  originals: OriginalsMode
  /** Whether originals stored now or earlier still belong to the gallery. */
  holdsOriginals: boolean
  keepQueries: number
  /** Pictures that it may hold; missing: it has no limit of its own. */
  maxImages?: number
}

/** For a new gallery: one that never keeps originals has none to release. */
export function newOptions({ originals, keepQueries, maxImages }: GalleryChange): GalleryOptions {
  return {
    ...(originals !== undefined && { originals }),
    ...(originals !== undefined && originals !== 'keep' && { released: true as const }),
    ...(keepQueries !== undefined && keepQueries > 0 && { keepQueries }),
    ...(typeof maxImages === 'number' && { maxImages }),
  }
}

/** Stored originals stay until they are explicitly released: changing the option must not lose anything. */
export function changedOptions(options: GalleryOptions, change: GalleryChange): GalleryOptions {
  const { released, ...stored } = options
  const keepQueries = change.keepQueries ?? stored.keepQueries ?? 0
  const maxImages = change.maxImages === undefined ? stored.maxImages : change.maxImages
  const originals = change.originals ?? stored.originals
  const isReleased = originals !== 'keep' && (change.releaseOriginals === true || released === true)
  return {
    ...(originals !== undefined && { originals }),
    ...(isReleased && { released: true as const }),
    ...(keepQueries > 0 && { keepQueries }),
    ...(typeof maxImages === 'number' && { maxImages }),
  }
}

/** @param standard default for galleries without this option */
export function rulesOf(
  { originals, released, keepQueries = 0, maxImages }: GalleryOptions,
  standard: OriginalsMode,
): GalleryRules {
  const holdsOriginals = released !== true
  // what it keeps would be taken for released: another default must not make it keep
  const usual = holdsOriginals || standard !== 'keep' ? standard : 'none'
  return {
    originals: originals ?? usual,
    holdsOriginals,
    keepQueries,
    ...(maxImages !== undefined && { maxImages }),
  }
}

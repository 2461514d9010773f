/** Bounds of a process's galleries. */

export interface GalleriesLimits {
  /** Maximum number of galleries; one more is refused with `galleries_full`. */
  galleriesMax: number
  /** Characters of the records on one page of a list. At least one record is listed, whatever its length. */
  pageMaxLength: number
  /**
   * Pending changes of a gallery that are remembered individually; beyond that the two sets are compared as a whole.
   */
  changedMax: number
}

export const galleriesLimitsDefault: GalleriesLimits = {
  galleriesMax: 10_000,
  pageMaxLength: 4 * 2 ** 20,
  changedMax: 100_000,
}

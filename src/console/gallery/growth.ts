/** When a gallery that an upload adds to is worth loading again: each time it has grown by half. Pure. */

/**
 * The number of stored pictures at which to load it next: soon while it is nearly empty, and about twenty times in an
 * upload of thousands.
 * @param before pictures that it had before the upload
 * @param stored pictures stored since, which have been loaded
 */
export function nextGrowth(before: number, stored: number): number {
  return stored + Math.max(1, Math.ceil((before + stored) / 2))
}

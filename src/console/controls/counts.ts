/** Counts in words. Pure. */

/** @param one singular of a noun whose plural ends in s */
export function countText(count: number, one: string): string {
  return count === 1 ? `1 ${one}` : `${count.toLocaleString('en')} ${one}s`
}

export function picturesText(count: number): string {
  return countText(count, 'picture')
}

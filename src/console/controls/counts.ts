/** Counts in words. Pure. */

/** @param more default: with an s */
export function countText(count: number, one: string, more = `${one}s`): string {
  return count === 1 ? `1 ${one}` : `${count.toLocaleString('en')} ${more}`
}

export function picturesText(count: number): string {
  return countText(count, 'picture')
}

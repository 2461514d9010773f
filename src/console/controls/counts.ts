/** Counts in words. Pure. */

export function picturesText(count: number): string {
  return count === 1 ? '1 picture' : `${count.toLocaleString('en')} pictures`
}

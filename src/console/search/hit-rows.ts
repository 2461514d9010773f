/** Where arrow keys lead among hits shown in rows. Pure. */

/**
 * Left and right lead to the adjacent hit, up and down to the one above or below, or to the last of a shorter row.
 * @param tops of all hits, in order; those of a row have the same
 * @returns undefined if the key leads nowhere
 */
export function placeAfterKey(key: string, place: number, tops: readonly number[]): number | undefined {
  if (key === 'ArrowLeft') return place > 0 ? place - 1 : undefined
  if (key === 'ArrowRight') return place + 1 < tops.length ? place + 1 : undefined
  if (key !== 'ArrowUp' && key !== 'ArrowDown') return undefined
  const [start, end] = rowOf(place, tops)
  if (key === 'ArrowUp' ? start === 0 : end === tops.length) return undefined
  const [otherStart, otherEnd] = rowOf(key === 'ArrowUp' ? start - 1 : end, tops)
  return Math.min(otherStart + place - start, otherEnd - 1)
}

/** Places of the row's first hit and of the one after its last. */
function rowOf(place: number, tops: readonly number[]): [start: number, end: number] {
  let [start, end] = [place, place + 1]
  while (start > 0 && tops[start - 1] === tops[place]) start--
  while (end < tops.length && tops[end] === tops[place]) end++
  return [start, end]
}

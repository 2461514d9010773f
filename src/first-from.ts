/** Binary search. */

/** @param numbers ascending @returns the index of the first one that is at least `least`, which is how many are less */
export function firstFrom(numbers: Uint32Array | Float64Array, least: number): number {
  let [low, high] = [0, numbers.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if (numbers[middle]! < least) low = middle + 1
    else high = middle
  }
  return low
}

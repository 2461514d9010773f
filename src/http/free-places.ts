/** A request that does the work of several takes as many places as they would, where places are free. */
import type { Admission } from './plugins/admission.js'

export interface FreePlacesOptions {
  /** Most items at work at once. */
  sideBySideMax: number
  tryEnter: Admission['tryEnter']
}

/**
 * One item after the other in the place that the request has anyway, and beside it in as many more as it finds free.
 * So a large request is never refused half-way, and takes no more than others leave.
 * @returns results in the order of items @throws what `run` threw first, when nothing is at work any more
 */
export async function inFreePlaces<Item, Result>(
  items: readonly Item[],
  { sideBySideMax, tryEnter }: FreePlacesOptions,
  run: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = new Array(items.length)
  const waiting = items.entries()
  const beside: Promise<void>[] = []
  const workOn = async () => {
    for (const [i, item] of waiting) results[i] = await run(item)
  }
  try {
    for (const [i, item] of waiting) {
      while (beside.length < sideBySideMax - 1) {
        const leave = tryEnter()
        if (leave === undefined) break
        const working = workOn().finally(leave)
        working.catch(() => {}) // told at the end
        beside.push(working)
      }
      results[i] = await run(item)
    }
  } finally {
    await Promise.allSettled(beside)
  }
  await Promise.all(beside)
  return results
}

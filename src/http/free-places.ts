/** A request that does the work of several occupies as many places as they would, if places are free. */
import type { Admission } from './plugins/admission.js'

export interface FreePlacesOptions {
  /** Maximum number of items in progress. */
  sideBySideMax: number
  tryEnter: Admission['tryEnter']
}

/**
 * Processes one item after another in the place that the request has anyway, and others in as many more places as it
 * finds free. So a large request is never refused halfway, and takes no more places than others leave.
 * @returns results in the order of items
 * @throws what `run` threw first, once nothing is in progress any more
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
        working.catch(() => {}) // thrown at the end
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

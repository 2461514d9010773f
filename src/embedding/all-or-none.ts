/** Several pieces of work for one caller, useful only together. */
import { setMaxListeners } from 'node:events'

export interface AllOrNoneOptions {
  /** How many run in parallel. Default: all. */
  atOnce?: number | undefined
}

/**
 * If one fails, the others are aborted and their outcome is ignored.
 * @param signal the caller's, who may disconnect
 * @throws what the first one to fail threw
 */
export async function allOrNone<Item, Result>(
  items: readonly Item[],
  signal: AbortSignal | undefined,
  work: (item: Item, signal: AbortSignal | undefined) => Result | Promise<Result>,
  { atOnce = Number.POSITIVE_INFINITY }: AllOrNoneOptions = {},
): Promise<Result[]> {
  if (items.length === 1) return [await work(items[0]!, signal)]
  const failure = new AbortController()
  const stop = signal === undefined ? failure.signal : AbortSignal.any([signal, failure.signal])
  setMaxListeners(0, stop) // one or two per item
  try {
    const results = new Array<Result>(items.length)
    const left = items.entries()
    // async, so that one that throws synchronously does not abandon those already started
    const lane = async () => {
      for (const [i, item] of left) {
        stop.throwIfAborted()
        results[i] = await work(item, stop)
      }
    }
    await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, lane))
    return results
  } catch (error) {
    failure.abort(error)
    throw error
  }
}

/** Several pieces of work for one caller, useful only together. */
import { setMaxListeners } from 'node:events'

/**
 * Runs them in parallel; if one fails, the others are aborted and their outcome is ignored.
 * @param signal the caller's, who may disconnect
 * @throws what the first one to fail threw
 */
export async function allOrNone<Item, Result>(
  items: readonly Item[],
  signal: AbortSignal | undefined,
  work: (item: Item, signal: AbortSignal | undefined) => Result | Promise<Result>,
): Promise<Result[]> {
  if (items.length === 1) return [await work(items[0]!, signal)]
  const failure = new AbortController()
  const stop = signal === undefined ? failure.signal : AbortSignal.any([signal, failure.signal])
  setMaxListeners(0, stop) // one or two per item
  try {
    // async, so that one that throws synchronously does not abandon those already started
    return await Promise.all(items.map(async (item) => work(item, stop)))
  } catch (error) {
    failure.abort(error)
    throw error
  }
}

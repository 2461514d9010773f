/** Several pieces of work for one caller, of use only together. */
import { setMaxListeners } from 'node:events'

/**
 * Side by side; when one fails, the others are told to stop, and what becomes of them is of no interest.
 * @param signal the caller's, who may leave
 * @throws what the first that failed threw
 */
export async function allOrNone<Item, Result>(
  items: readonly Item[],
  signal: AbortSignal | undefined,
  work: (item: Item, signal: AbortSignal | undefined) => Result | Promise<Result>,
): Promise<Result[]> {
  if (items.length === 1) return [await work(items[0]!, signal)]
  const failure = new AbortController()
  const stop = signal === undefined ? failure.signal : AbortSignal.any([signal, failure.signal])
  setMaxListeners(0, stop) // one or two for each item
  try {
    // async, so that work which fails at once does not leave behind what was begun before it
    return await Promise.all(items.map(async (item) => work(item, stop)))
  } catch (error) {
    failure.abort(error)
    throw error
  }
}

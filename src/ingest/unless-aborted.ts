/** Waits for a value only as long as a signal is not aborted. */

/**
 * Settles as `value` does, or rejects with the signal's reason as soon as it is aborted, without waiting for `value`.
 */
export async function unlessAborted<Value>(value: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const aborted = new Promise<never>((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason as Error)
    else signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
  return Promise.race([value, aborted])
}

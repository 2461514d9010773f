/** What is worth waiting for only as long as somebody wants it. */

/** Settles as `value` does, or rejects with the signal's reason as soon as it is aborted; `value` is not waited for then. */
export async function unlessAborted<Value>(value: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const aborted = new Promise<never>((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason as Error)
    else signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
  return Promise.race([value, aborted])
}

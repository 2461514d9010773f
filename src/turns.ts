/**
 * Long work of the main thread is cut into slices of a few milliseconds. However many requests are at such work, the event
 * loop runs one slice in each of its turns, so that what arrives meanwhile waits for one, not for one of each.
 * The line is the thread's, as its event loop is.
 */
const waiting: (() => void)[] = []

/** Resolves when it is the caller's turn; those who wait take turns. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve)
    if (waiting.length === 1) setImmediate(admitOne)
  })
}

function admitOne(): void {
  waiting.shift()?.()
  if (waiting.length > 0) setImmediate(admitOne)
}

/**
 * Cuts long work on the main thread into slices of a few milliseconds. However many requests are doing such work, the
 * event loop runs one slice per turn, so that a new request waits for one slice and not for one of each. There is one
 * queue per thread, because there is one event loop.
 */
const waiting: (() => void)[] = []

/** Resolves when it is the caller's turn; waiting callers take turns. */
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

/** Background work waits where a caller would be refused. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type ErrorCode, hasCode } from '../errors.js'

/** Errors that go away by themselves. */
const passingCodes: readonly ErrorCode[] = ['overloaded', 'store_unreachable', 'engine_unreachable']
const pauseMaxSeconds = 5

/** Retries until it succeeds. @throws the signal's reason, and any other error */
export async function patiently<Result>(
  work: () => Promise<Result>,
  signal: AbortSignal,
  waitsOut: readonly ErrorCode[] = passingCodes,
): Promise<Result> {
  for (;;) {
    signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      if (!hasCode(error, ...waitsOut)) throw error
      await sleep(Math.min(error.retryAfterSeconds ?? 1, pauseMaxSeconds) * 1000, undefined, { signal })
    }
  }
}

/** Waits for its place in a full queue of writes: a burst of others is no reason for background work to fail. */
export function onceTaken<Result>(write: () => Promise<Result>): Promise<Result> {
  return patiently(write, new AbortController().signal, ['overloaded'])
}

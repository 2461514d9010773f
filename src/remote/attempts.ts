/** Further attempts where a host was busy or did not answer, after the pause that it asked for. */
import { setTimeout as sleep } from 'node:timers/promises'
import { AlikeError } from '../errors.js'

const pauseMaxSeconds = 30

/** @throws what the last attempt throws, or one that another would only repeat; the signal's reason */
export async function attempted<Result>(
  fetch: () => Promise<Result>,
  { attempts, signal }: { attempts: number; signal: AbortSignal },
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await fetch()
    } catch (error) {
      const pause = error instanceof AlikeError ? error.retryAfterSeconds : undefined
      if (pause === undefined || attempt >= attempts) throw error
      await sleep(Math.min(pause, pauseMaxSeconds) * 1_000, undefined, { signal })
    }
  }
}

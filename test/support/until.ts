/** Tests wait for conditions, never for fixed times: a slow machine then only takes longer. */
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Polls until there is an answer.
 * @param ask undefined, false and null mean not yet
 * @param what in words, for the failure
 * @param withinMs a minute is long enough for a crowded machine while still ending the test; whole jobs may take more
 * @throws Error after that
 */
export async function until<Answer>(
  ask: () => Answer | Promise<Answer>,
  what = 'what is waited for',
  withinMs = 60_000,
): Promise<Exclude<Awaited<Answer>, undefined | null | false>> {
  const deadline = performance.now() + withinMs
  // less and less often, because the polled side has work to do meanwhile
  for (let pauseMs = 5; performance.now() < deadline; pauseMs = Math.min(pauseMs * 1.1, 50)) {
    const answer = await ask()
    if (answer !== undefined && answer !== null && answer !== false)
      return answer as Exclude<Awaited<Answer>, undefined | null | false>
    await sleep(pauseMs)
  }
  throw new Error(`${what} does not happen within ${withinMs / 1_000} s`)
}

/** Repeats what is refused or fails at first. @throws Error as `until` */
export function untilDone(work: () => Promise<unknown>, what: string, withinMs?: number): Promise<true> {
  const isDone = () =>
    work().then(
      () => true,
      () => false,
    )
  return until(isDone, what, withinMs)
}

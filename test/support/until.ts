/** Tests wait for what they need, never for a time: the slowest machine then only takes longer. */
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Asks again and again, until the answer is something.
 * @param ask what is waited for; undefined, false and null: not yet
 * @param what in words, for the failure
 * @param withinMs a minute is long enough for a crowded machine, and still a test that ends; whole jobs may take more
 * @throws Error after that
 */
export async function until<Answer>(
  ask: () => Answer | Promise<Answer>,
  what = 'what is waited for',
  withinMs = 60_000,
): Promise<Exclude<Awaited<Answer>, undefined | null | false>> {
  const deadline = performance.now() + withinMs
  // ever more rarely: who is asked has work to do meanwhile
  for (let pauseMs = 5; performance.now() < deadline; pauseMs = Math.min(pauseMs * 1.1, 25)) {
    const answer = await ask()
    if (answer !== undefined && answer !== null && answer !== false)
      return answer as Exclude<Awaited<Answer>, undefined | null | false>
    await sleep(pauseMs)
  }
  throw new Error(`${what} does not happen within ${withinMs / 1_000} s`)
}

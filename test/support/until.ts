/** Tests wait for what they need, never for a time: the slowest machine then only takes longer. */
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Asks again and again, until the answer is something.
 * @param ask what is waited for; undefined, false and null: not yet
 * @param what in words, for the failure
 * @throws Error after a minute: long enough for a crowded machine, and still a test that ends
 */
export async function until<Answer>(
  ask: () => Answer | Promise<Answer>,
  what = 'what is waited for',
): Promise<Exclude<Awaited<Answer>, undefined | null | false>> {
  for (const deadline = performance.now() + 60_000; performance.now() < deadline; await sleep(5)) {
    const answer = await ask()
    if (answer !== undefined && answer !== null && answer !== false)
      return answer as Exclude<Awaited<Answer>, undefined | null | false>
  }
  throw new Error(`${what} does not happen within a minute`)
}

/** Measures how long some work blocks the main thread. */

/**
 * The longest turn of the event loop, in milliseconds of this process's CPU time, which excludes what other processes
 * of a busy machine took.
 */
export async function longestTurn<Result>(
  work: () => Promise<Result>,
): Promise<{ result: PromiseSettledResult<Result>; longestMs: number }> {
  let longestMs = 0
  let [at, used] = [performance.now(), usedMs()]
  const measure = () => {
    longestMs = Math.max(longestMs, Math.min(performance.now() - at, usedMs() - used))
    ;[at, used] = [performance.now(), usedMs()]
  }
  const timer = setInterval(measure, 1)
  const [result] = await Promise.allSettled([work()])
  measure()
  clearInterval(timer)
  return { result: result!, longestMs }
}

function usedMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Measures the CPU cost of work, independently of other load on the machine. */

/** @returns CPU milliseconds of this process, over all threads */
export async function processorMs(work: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

/** @returns the cost of the cheapest of several rounds: compilation and garbage collection fall into the others */
export async function leastProcessorMs(work: () => unknown, rounds = 5): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) least = Math.min(least, await processorMs(work))
  return least
}

/** What work costs, however busy the machine is with other things. */

/** @returns milliseconds of this process' processor time, all threads */
export async function processorMs(work: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

/** @returns what the cheapest of several rounds costs: compiling and collecting garbage fall into the others */
export async function leastProcessorMs(work: () => unknown, rounds = 5): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) least = Math.min(least, await processorMs(work))
  return least
}

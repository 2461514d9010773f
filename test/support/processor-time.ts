/** What work costs, however busy the machine is with other things. */

/** @returns milliseconds of this process' processor time, all threads */
export async function processorMs(work: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

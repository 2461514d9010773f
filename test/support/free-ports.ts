/** Ports of this machine on which nothing listens. */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * Below those that a system hands out by itself (from 32,768 on Linux, from 49,152 elsewhere): a test that listens on
 * any port beside this one, or connects from one, never gets it, nor while its server restarts.
 */
const lowest = 15_000
const highest = 30_000

/** All different; another caller may still choose one before it is used, once in thousands of times. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = randomInt(lowest, highest)
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const listening = once(server.listen(port, '127.0.0.1'), 'listening')
  try {
    await listening
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}

/** Unfinished files and folders are named after the process that writes them; killed ones leave theirs behind. */
import { readdir, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'

/** No file takes as long to write. */
const maxAgeMs = 86_400_000

/** Ends in @, which no name of a host contains: otherwise that of another could begin with this one's. */
const onThisHost = (prefix: string): string => `${prefix}${hostname()}@`

/** Of this process; a folder may be shared with other hosts, whose processes have the same numbers. */
export const unfinishedName = (prefix: string): string => `${onThisHost(prefix)}${process.pid}`

/** Removes what begins with `prefix` and is of a process of this host that has ended, or of any host and a day old. */
export async function removeAbandoned(folder: string, prefix: string): Promise<void> {
  const ours = onThisHost(prefix)
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix)) continue
    const path = join(folder, name)
    const hasEnded = name.startsWith(ours) && !isRunning(Number.parseInt(name.slice(ours.length), 10))
    if (hasEnded || (await isOld(path))) await rm(path, { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/** False for what another process has removed meanwhile. */
const isOld = (path: string): Promise<boolean> =>
  stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs > maxAgeMs,
    () => false,
  )

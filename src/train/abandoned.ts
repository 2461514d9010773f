/** Unfinished files and folders are named after the process that writes them; killed ones leave theirs behind. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Removes what begins with `prefix` and the number of a process that is not running here. */
export async function removeAbandoned(folder: string, prefix: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(prefix) && !isRunning(Number.parseInt(name.slice(prefix.length), 10)))
      await rm(join(folder, name), { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

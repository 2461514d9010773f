/** Full and read-only disks: small ones of our own, or a limit on the file size of one process. */
import { execFile } from 'node:child_process'
import { mkdtemp, open, rm, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { promisify } from 'node:util'
import { folderOfProcess } from './temporary-folder.js'

const run = promisify(execFile)

/** A folder on its own disk with this many bytes (and files); undefined if this user may not create one. */
export async function smallDisk(
  t: TestContext,
  bytes: number,
  { files = 0 }: { files?: number } = {},
): Promise<string | undefined> {
  const folder = await folderOfProcess('alike-disk-')
  const unmount = await mountDisk(folder, bytes, { files })
  if (unmount === undefined) {
    await rmdir(folder)
    return undefined
  }
  t.after(async () => {
    await unmount()
    await rmdir(folder)
  })
  return folder
}

/** Mounts an empty disk in the folder; returns what unmounts it, or undefined if this user may not mount one. */
export async function mountDisk(
  folder: string,
  bytes: number,
  { files = 0 }: { files?: number } = {},
): Promise<(() => Promise<void>) | undefined> {
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},nr_inodes=${files}`, 'tmpfs', folder])
  } catch {
    return undefined
  }
  // a process of the test may still have files open
  return async () => void (await run('umount', ['--lazy', folder]))
}

/** A folder to which nobody may write; undefined if this user may not create one. */
export async function readOnlyDisk(t: TestContext): Promise<string | undefined> {
  const folder = await smallDisk(t, 2 ** 20)
  if (folder !== undefined) await run('mount', ['-o', 'remount,ro', folder])
  return folder
}

/** Takes every remaining byte; the returned function frees them. */
export async function fillDisk(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'filler')
  const file = await open(path, 'w')
  try {
    // The last bytes as well, in smaller and smaller pieces.
    for (let bytes = 1 << 20; bytes >= 512; bytes >>= 1) {
      for (;;) {
        try {
          const { bytesWritten } = await file.write(Buffer.alloc(bytes, 1))
          if (bytesWritten < bytes) break
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
          break
        }
      }
    }
  } finally {
    await file.close()
  }
  return () => rm(path, { force: true })
}

/** Creates empty files until the disk has no inode left; the returned function deletes them. */
export async function takeAllFiles(folder: string): Promise<() => Promise<void>> {
  const taken = await mkdtemp(join(folder, 'taken-'))
  for (let n = 0; ; n++) {
    try {
      await writeFile(join(taken, String(n)), '')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      return () => rm(taken, { recursive: true })
    }
  }
}

export function mayLimitFileSize(): Promise<boolean> {
  return run('prlimit', ['--fsize=1000:unlimited', 'true']).then(
    () => true,
    () => false,
  )
}

/**
 * Limits the file size of the process; a soft limit, so that it can be lifted again.
 * @returns false if that is impossible
 */
export async function limitFileSize(pid: number, bytes: number | 'unlimited'): Promise<boolean> {
  return run('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`]).then(
    () => true,
    () => false,
  )
}

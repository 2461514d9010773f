/**
 * Checks whether a folder has free space by writing to it, because disk statistics do not show quotas and file size
 * limits.
 */
import { writeFileSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Temporary file of the probe. */
export const roomProbeName = 'alike.room'

export async function hasRoom(folder: string, bytes: number): Promise<boolean> {
  const path = join(folder, roomProbeName)
  try {
    const file = await open(path, 'w')
    try {
      await file.writeFile(Buffer.alloc(bytes, 1))
      await file.sync() // some file systems allocate space only now
    } finally {
      await file.close()
    }
    return true
  } catch {
    return false
  } finally {
    await rm(path, { force: true }).catch(() => {})
  }
}

/**
 * Creates an empty log to reserve its directory entry: a disk can also run out of inodes, and without a log nothing can
 * be read.
 */
export function keepPlaceOfLog(path: string): void {
  try {
    writeFileSync(`${path}-wal`, '', { flag: 'wx' })
  } catch {
    // the log still has content, or there is no room for it either
  }
}

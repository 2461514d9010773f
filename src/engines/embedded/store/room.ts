/** Whether a folder has room: found out by writing, as quotas and limits on files do not show in the numbers of the disk. */
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Of the file that is written to find out; lies there for a moment. */
export const roomProbeName = 'alike.room'

export async function hasRoom(folder: string, bytes: number): Promise<boolean> {
  const path = join(folder, roomProbeName)
  try {
    const file = await open(path, 'w')
    try {
      await file.writeFile(Buffer.alloc(bytes, 1))
      await file.sync() // some file systems find room only now
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

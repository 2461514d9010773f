/** Opens files of watched folders in their places, without following links. */
import { constants } from 'node:fs'
import { type FileHandle, open, readdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { AlikeError } from '../../errors.js'
import { isLitter, isLitterName } from '../litter.js'

/**
 * The folder itself may be a link.
 * @param path of the file, relative to the folder
 * @param read called with the open file, which may be anything but a link
 * @returns undefined if a folder above the file has become a link
 * @throws AlikeError `source_unreachable` if the whole folder is gone, empty or unreadable; otherwise what the file
 * system and `read` throw
 */
export async function inPlace<Result>(
  folder: string,
  path: string,
  read: (file: FileHandle) => Promise<Result>,
): Promise<Result | undefined> {
  try {
    const place = join(await realpath(folder), path)
    if ((await realpath(place)) !== place) return undefined
    const file = await open(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      return await read(file)
    } finally {
      await file.close()
    }
  } catch (cause) {
    if (!(cause instanceof AlikeError)) await expectMounted(folder, cause)
    throw cause
  }
}

/** Whether the beginning of a file can be read now: whoever keeps a file closed keeps all of it. */
export async function isReadable(folder: string, path: string): Promise<boolean> {
  try {
    await inPlace(folder, path, (file) => file.read(Buffer.alloc(1), 0, 1, 0))
    return true
  } catch {
    return false
  }
}

/**
 * A file on a drive that is unmounted or does not answer will reappear unchanged: it must not count as taken, nor as lost.
 * @throws AlikeError `source_unreachable` if the folder is unreadable, or holds nothing but litter, as a mount point may
 */
async function expectMounted(folder: string, cause: unknown): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  if (entries.every((entry) => (entry.isDirectory() ? isLitterName(entry.name) : isLitter(entry.name))))
    throw new AlikeError('source_unreachable', {
      detail: 'The folder is empty or unreadable, perhaps because its drive is not mounted.',
      cause,
    })
}

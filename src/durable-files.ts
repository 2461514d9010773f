/** Durable files: synced together with their folder, verified, with an error code for full disks, and the room on them. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access, mkdir, open, rename, rm, statfs, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AlikeError } from './errors.js'

/**
 * Resolves when the bytes are on disk.
 * @param onChunk called now and then; if it throws, reading ends
 */
export async function settleFile(path: string, onChunk: () => void): Promise<{ bytes: number; sha256: string }> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
    onChunk()
    hash.update(chunk)
    bytes += chunk.length
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** Parts of a text are written one after another. */
type Content = string | Uint8Array | Iterable<string>

export async function writeSettled(path: string, content: Content): Promise<void> {
  await writeFile(path, content, { flush: true })
}

/** A failure leaves the file as it was; a crash may leave part of the content appended. */
export async function appendSettled(path: string, content: Content): Promise<void> {
  const file = await open(path, 'a')
  try {
    const { size } = await file.stat()
    try {
      await file.appendFile(content)
      await file.sync()
    } catch (error) {
      await file.truncate(size).catch(() => {})
      throw error
    }
  } finally {
    await file.close()
  }
}

/** Readers see either the previous file or this one, completely, even after a power cut. A failure leaves no other file. */
export async function replaceFile(path: string, content: Content): Promise<void> {
  const temporary = `${path}.tmp`
  try {
    await writeSettled(temporary, content)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
  await syncFolder(dirname(path))
}

/**
 * Creates what is missing of a folder's path, durably. Not by `mkdir` with `recursive`, which never ends where nobody can
 * create a folder, as in /proc.
 * @param mode of what is created. Default: as the process's umask says
 */
export async function makeFolder(folder: string, mode?: number): Promise<void> {
  if (await isThere(folder)) return
  await makeFolder(dirname(folder), mode)
  await mkdir(folder, { mode }).catch(async (error: unknown) => {
    if (!(await isThere(folder))) throw error // another process may have been faster
  })
  await syncFolder(dirname(folder))
}

export function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

/** A new name is durable only once its folder is synced. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Room for the user of this process on the disk of a folder. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** `storage_full` for the file system's errors that mean a full disk. */
export function asStorageError(error: unknown): unknown {
  return isNoRoom(error) ? new AlikeError('storage_full', { cause: error }) : error
}

/** No space on the disk, in a quota, or below the maximum file size. */
export function isNoRoom(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].includes((error as NodeJS.ErrnoException).code ?? '')
}

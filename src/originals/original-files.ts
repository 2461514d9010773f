/** Writes the files of originals, durably. */
import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rename, rm, utimes } from 'node:fs/promises'
import { dirname } from 'node:path'
import { asStorageError, makeFolder, syncFolder } from '../durable-files.js'

/**
 * Resolves once the file is on disk. A file that holds these bytes already is given a new age. Not for the same path twice
 * at a time.
 * @throws AlikeError `storage_full`
 */
export async function putFile(path: string, bytes: Uint8Array): Promise<void> {
  try {
    const now = new Date()
    if ((await holds(path, bytes)) && (await unlessAbsent(utimes(path, now, now).then(() => true)))) {
      await syncFolder(dirname(path)) // the writing process may have died before syncing it
      return
    }
    await write(path, bytes)
  } catch (error) {
    throw asStorageError(error)
  }
}

async function write(path: string, bytes: Uint8Array): Promise<void> {
  const folder = dirname(path)
  await makeFolder(folder)
  const temporary = `${path}.${randomUUID()}.tmp`
  try {
    const file = await open(temporary, 'wx')
    try {
      await file.writeFile(bytes)
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
  await syncFolder(folder)
}

/** False for a file that is missing, damaged or unreadable: it is to be written again. */
async function holds(path: string, bytes: Uint8Array): Promise<boolean> {
  let at = 0
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
      if (!chunk.equals(bytes.subarray(at, at + chunk.length))) return false
      at += chunk.length
    }
  } catch {
    return false
  }
  return at === bytes.length
}

export async function unlessAbsent<Value>(work: Promise<Value>): Promise<Value | undefined> {
  try {
    return await work
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

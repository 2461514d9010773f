/** Files brought to the disk for good: synced with their folder, checked, and full disks told by a code. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { AlikeError } from './errors.js'

/**
 * Resolves when the bytes are on the disk.
 * @param onChunk called now and then; what it throws ends the reading.
 */
export async function settleFile(
  path: string,
  onChunk: () => void = () => {},
): Promise<{ bytes: number; sha256: string }> {
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

export async function writeSettled(path: string, text: string): Promise<void> {
  await writeFile(path, text, { flush: true })
}

/** A new name is on the disk only when its folder is. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** `storage_full` for what the file system says when there is no room. */
export function asStorageError(error: unknown): unknown {
  const full = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes((error as NodeJS.ErrnoException).code ?? '')
  return full ? new AlikeError('storage_full', { cause: error }) : error
}

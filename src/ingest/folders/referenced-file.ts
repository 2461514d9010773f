/** Reads a picture of a watched folder again in its place, long after it was taken in. */
import type { FileHandle } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { AlikeError } from '../../errors.js'
import { imageTooLarge } from '../read-bounded.js'
import { inPlace } from './file-in-place.js'

/** `file:` URL of a file, by its path relative to the folder. */
export function fileReference(folder: string, path: string): string {
  return pathToFileURL(join(folder, path)).href
}

/**
 * Does not follow links, like the watch itself.
 * @param folders that are watched
 * @throws AlikeError `source_not_allowed` for a file outside of them, `source_unreadable`, `image_too_large`;
 * `source_unreachable` if the whole folder is gone, empty or unreadable
 */
export function readReferenced(folders: readonly string[], place: URL, maxBytes: number): Promise<Buffer> {
  return withReferenced(folders, place, async (file) => {
    if ((await sizeOf(file)) > maxBytes) throw imageTooLarge(maxBytes)
    return await file.readFile()
  })
}

/** In bytes, without reading it. @throws AlikeError as `readReferenced` */
export function referencedSize(folders: readonly string[], place: URL): Promise<number> {
  return withReferenced(folders, place, sizeOf)
}

async function sizeOf(file: FileHandle): Promise<number> {
  const found = await file.stat()
  if (!found.isFile()) throw new AlikeError('source_unreadable', { detail: 'It is no file any more.' })
  return found.size
}

async function withReferenced<Result>(
  folders: readonly string[],
  place: URL,
  work: (file: FileHandle) => Promise<Result>,
): Promise<Result> {
  const path = fileURLToPath(place)
  const folder = folders.find((one) => {
    const way = relative(one, path)
    return way !== '' && way !== '..' && !way.startsWith('../')
  })
  if (folder === undefined)
    throw new AlikeError('source_not_allowed', { detail: 'Its folder is not in WATCH_FOLDERS any more.' })
  try {
    const result = await inPlace(folder, relative(folder, path), work)
    if (result === undefined) throw new AlikeError('source_unreadable', { detail: 'It became a link.' })
    return result
  } catch (cause) {
    if (cause instanceof AlikeError) throw cause
    throw new AlikeError('source_unreadable', { detail: `The file: ${(cause as NodeJS.ErrnoException).code}.`, cause })
  }
}

/** One look at a folder: every file in it and below, and what tells whether one has changed. */
import { type BigIntStats, constants, type Dirent } from 'node:fs'
import { lstat, open, readdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { AlikeError } from '../../errors.js'
import { isLitter, isLitterName } from '../litter.js'
import { imageTooLarge } from '../read-bounded.js'

export interface FoundFile {
  /** Below the folder, with `/`. */
  path: string
  /** Size and time of the last change of the content: what is remembered of a file that was taken. */
  stamp: string
  /** The same with the time of the last change of any kind: one that is being written changes it even where a tool sets the other. */
  touched: string
  bytes: number
}

/** Folders in folders that are looked into. */
const depthMax = 64

/**
 * Links are not followed, litter is passed over. A part that cannot be read ends the look: what is not seen would count as removed.
 * @throws AlikeError `source_unreadable`; the signal's reason
 */
export async function* lookInto(
  folder: string,
  { filesMax, signal }: { filesMax: number; signal: AbortSignal },
): AsyncGenerator<FoundFile> {
  let count = 0
  const waiting = ['']
  for (let below = waiting.pop(); below !== undefined; below = waiting.pop()) {
    for (const entry of await entriesOf(join(folder, below))) {
      signal.throwIfAborted()
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      if (isLitterName(entry.name)) continue
      if (entry.isDirectory()) {
        if (path.split('/').length > depthMax) throw unreadable(`It has folders more than ${depthMax} deep.`)
        waiting.push(path)
      } else if (entry.isFile() && !isLitter(path)) {
        if (++count > filesMax) throw unreadable(`It holds more than ${filesMax} files.`)
        const found = await lstat(join(folder, path), { bigint: true }).catch(unlessGone)
        if (found?.isFile() === true) yield foundFile(path, found)
      }
    }
  }
}

function foundFile(path: string, found: BigIntStats): FoundFile {
  const stamp = stampOf(found)
  return { path, stamp, touched: `${stamp}:${found.ctimeNs}`, bytes: Number(found.size) }
}

async function entriesOf(place: string): Promise<Dirent[]> {
  try {
    return await readdir(place, { withFileTypes: true })
  } catch (cause) {
    throw unreadable(`A folder cannot be read (${(cause as NodeJS.ErrnoException).code}).`, cause)
  }
}

/**
 * @returns undefined when the file is another one than the look has seen, is being written, or is gone
 * @throws AlikeError `image_too_large`, `source_unreadable`; `source_unreachable` where the whole folder is gone or empty
 */
export async function readFound(
  folder: string,
  { path, stamp }: Pick<FoundFile, 'path' | 'stamp'>,
  maxBytes: number,
): Promise<Buffer | undefined> {
  try {
    const root = await realpath(folder)
    const place = join(root, path)
    // a folder on the way may have become a link since the look
    if ((await realpath(place)) !== place) return undefined
    const file = await open(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const before = await file.stat({ bigint: true })
      if (!before.isFile() || stampOf(before) !== stamp) return undefined
      if (before.size > BigInt(maxBytes)) throw imageTooLarge(maxBytes)
      const bytes = await file.readFile()
      return stampOf(await file.stat({ bigint: true })) === stamp ? bytes : undefined
    } finally {
      await file.close()
    }
  } catch (cause) {
    if (cause instanceof AlikeError) throw cause
    unlessGone(cause)
    await expectMounted(folder)
    return undefined
  }
}

/** A file of a drive that is not mounted will be there again as it was: it must not count as taken. */
async function expectMounted(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  if (names.length === 0)
    throw new AlikeError('source_unreachable', {
      detail: 'The folder is empty, perhaps because its drive is not mounted.',
    })
}

function stampOf({ size, mtimeNs }: BigIntStats): string {
  return `${size}:${mtimeNs}`
}

function unlessGone(cause: unknown): undefined {
  const { code = '' } = cause as NodeJS.ErrnoException
  if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(code)) return undefined
  throw unreadable(`A file cannot be read (${code}).`, cause)
}

function unreadable(detail: string, cause?: unknown): AlikeError {
  return new AlikeError('source_unreadable', { detail, cause })
}

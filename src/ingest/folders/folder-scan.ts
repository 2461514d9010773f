/** Scans a folder once: every file in it and below, with the data that shows whether a file has changed. */
import type { BigIntStats, Dirent } from 'node:fs'
import { lstat, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { AlikeError } from '../../errors.js'
import { isLitter, isLitterName } from '../litter.js'
import { imageTooLarge } from '../read-bounded.js'
import { inPlace } from './file-in-place.js'

export interface FoundFile {
  /** Relative to the folder, with `/`. */
  path: string
  /** Size and modification time: remembered for a file that has been taken. */
  stamp: string
  /** Also includes the change time (ctime): writing to a file changes it even if a tool sets the modification time. */
  touched: string
  bytes: number
}

/** Maximum depth of nested folders. */
const depthMax = 64
/** Of a file or folder that is not there any more, or has become something else. */
const goneCodes: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP'])

/**
 * Does not follow links and skips litter. An unreadable part ends the scan: files that are not seen would count as
 * removed.
 * @throws AlikeError `source_unreadable`; the signal's reason
 */
export async function* scanFolder(
  folder: string,
  { filesMax, signal }: { filesMax: number; signal: AbortSignal },
): AsyncGenerator<FoundFile> {
  let count = 0
  const before = await identityOf(folder)
  const expectSame = async () => {
    if ((await identityOf(folder)) !== before)
      throw unreadable('It was replaced during the scan, perhaps because its drive was unmounted.')
  }
  const waiting = ['']
  for (let below = waiting.pop(); below !== undefined; below = waiting.pop()) {
    const entries = await entriesOf(folder, below)
    if (entries === undefined) await expectSame() // at once: the drive may be back by the end
    for (const entry of entries ?? []) {
      signal.throwIfAborted()
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      if (isLitterName(entry.name)) continue
      if (isUndecodable(entry)) yield { path, stamp: '', touched: '', bytes: 0 }
      else if (entry.isDirectory()) {
        if (path.split('/').length > depthMax) throw unreadable(`It has folders more than ${depthMax} deep.`)
        waiting.push(path)
      } else if (entry.isFile() && !isLitter(path)) {
        if (++count > filesMax) throw unreadable(`It holds more than ${filesMax} files.`)
        const found = await lstat(join(folder, path), { bigint: true }).catch(unlessGone)
        if (found === undefined) await expectSame()
        else if (found.isFile()) yield foundFile(path, found)
      }
    }
  }
  await expectSame()
}

/**
 * Changes when a drive is mounted or unmounted there. Unlike reading a folder, `stat` of its bare path does not make
 * autofs mount it, hence the `/.`.
 */
async function identityOf(folder: string): Promise<string> {
  try {
    const { dev, ino } = await stat(`${folder}/.`, { bigint: true })
    return `${dev}:${ino}`
  } catch (cause) {
    throw unreadable(`It cannot be read (${(cause as NodeJS.ErrnoException).code}).`, cause)
  }
}

/**
 * Node replaces bytes of a name that are not UTF-8 with U+FFFD: what has such a name cannot be opened. It is taken for a
 * file, so that it is reported once.
 */
function isUndecodable(entry: Dirent): boolean {
  return entry.name.includes('\ufffd') && (entry.isDirectory() || entry.isFile())
}

function foundFile(path: string, found: BigIntStats): FoundFile {
  const stamp = stampOf(found)
  return { path, stamp, touched: `${stamp}:${found.ctimeNs}`, bytes: Number(found.size) }
}

/** Undefined for a folder that is gone since the one above it was read. */
async function entriesOf(folder: string, below: string): Promise<Dirent[] | undefined> {
  try {
    return await readdir(join(folder, below), { withFileTypes: true })
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException
    if (below !== '' && goneCodes.has(code)) return undefined
    throw unreadable(`A folder cannot be read (${code}).`, cause)
  }
}

/**
 * @returns undefined if the file differs from the scanned one, is being written, or is gone
 * @throws AlikeError `image_too_large`, `source_unreadable`; `source_unreachable` if the whole folder is gone, empty or
 * unreadable
 */
export async function readUnchanged(
  folder: string,
  { path, stamp }: Pick<FoundFile, 'path' | 'stamp'>,
  maxBytes: number,
): Promise<Buffer | undefined> {
  return inPlace(folder, path, async (file) => {
    const before = await file.stat({ bigint: true })
    if (!before.isFile() || stampOf(before) !== stamp) return undefined
    if (before.size > BigInt(maxBytes)) throw imageTooLarge(maxBytes)
    const bytes = await file.readFile()
    return stampOf(await file.stat({ bigint: true })) === stamp ? bytes : undefined
  }).catch(unlessGone)
}

function stampOf({ size, mtimeNs }: BigIntStats): string {
  return `${size}:${mtimeNs}`
}

function unlessGone(cause: unknown): undefined {
  if (cause instanceof AlikeError) throw cause
  const { code = '' } = cause as NodeJS.ErrnoException
  if (goneCodes.has(code)) return undefined
  throw unreadable(`A file cannot be read (${code}).`, cause)
}

function unreadable(detail: string, cause?: unknown): AlikeError {
  return new AlikeError('source_unreadable', { detail, cause })
}

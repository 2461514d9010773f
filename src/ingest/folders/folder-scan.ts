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

export interface FolderScanOptions {
  filesMax: number
  signal: AbortSignal
  /** Receives a file or folder that is there but cannot be examined: what is in it is not found, but not gone either. */
  onUnreadable(path: string, error: AlikeError): void
  /** Receives a folder on another device than the one above it: a drive is mounted there. */
  onMount(path: string): void
}

/**
 * Does not follow links and skips litter.
 * @throws AlikeError `source_unreadable` for the folder itself; the signal's reason
 */
export async function* scanFolder(folder: string, options: FolderScanOptions): AsyncGenerator<FoundFile> {
  const { filesMax, signal, onUnreadable } = options
  const place = await ScannedPlace.open(folder, options)
  let count = 0
  const waiting: { below: string; above?: bigint }[] = [{ below: '' }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { below, above } = next
    const { entries, device } = (await place.read(below, above)) ?? { entries: [] }
    for (const entry of entries) {
      signal.throwIfAborted()
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      if (isLitterName(entry.name)) continue
      if (isUndecodable(entry)) yield { path, stamp: '', touched: '', bytes: 0 }
      else if (entry.isDirectory()) {
        if (path.split('/').length <= depthMax) waiting.push({ below: path, above: device! })
        else onUnreadable(path, unreadable(`It is more than ${depthMax} folders deep.`))
      } else if (entry.isFile() && !isLitter(path)) {
        if (++count > filesMax) throw unreadable(`It holds more than ${filesMax} files.`)
        const file = await place.examined(path, lstat(join(folder, path), { bigint: true }))
        if (file?.isFile()) yield foundFile(path, file)
      }
    }
  }
  await place.expectSame()
}

/** The folder during one scan, with the drives that are mounted below it. */
class ScannedPlace {
  readonly #folder: string
  readonly #options: Pick<FolderScanOptions, 'onUnreadable' | 'onMount'>
  readonly #identity: string
  readonly #mounts = new Map<string, bigint>()

  private constructor(folder: string, options: FolderScanOptions, identity: string) {
    this.#folder = folder
    this.#options = options
    this.#identity = identity
  }

  static async open(folder: string, options: FolderScanOptions): Promise<ScannedPlace> {
    return new ScannedPlace(folder, options, await identityOf(folder))
  }

  /**
   * @param above device of the folder above
   * @returns undefined for a folder that is gone since that one was read, or unreadable
   */
  async read(below: string, above?: bigint): Promise<{ entries: Dirent[]; device: bigint } | undefined> {
    const path = join(this.#folder, below)
    const entries = await this.examined(below, readdir(path, { withFileTypes: true }))
    // second: autofs mounts a drive only when it is read
    const device = entries && (await this.examined(below, deviceOf(path)))
    if (device === undefined) return undefined
    if (above !== undefined && device !== above) {
      this.#mounts.set(below, device)
      this.#options.onMount(below)
    }
    return { entries: entries!, device }
  }

  /** Undefined for what is gone, or cannot be examined. */
  async examined<Found>(path: string, found: Promise<Found>): Promise<Found | undefined> {
    try {
      return await found
    } catch (cause) {
      const { code = '' } = cause as NodeJS.ErrnoException
      const error = unreadable(`It cannot be read (${code}).`, cause)
      if (path === '') throw error
      if (!goneCodes.has(code)) this.#options.onUnreadable(path, error)
      await this.expectSame() // at once: a drive may be back by the end
      return undefined
    }
  }

  async expectSame(): Promise<void> {
    for (const [path, device] of this.#mounts) {
      if ((await deviceOf(join(this.#folder, path)).catch(() => undefined)) === device) continue
      this.#mounts.delete(path)
      this.#options.onUnreadable(path, unreadable('Its drive was unmounted during the scan.'))
    }
    if ((await identityOf(this.#folder)) !== this.#identity)
      throw unreadable('It was replaced during the scan, perhaps because its drive was unmounted.')
  }
}

async function deviceOf(folder: string): Promise<bigint> {
  return (await stat(`${folder}/.`, { bigint: true })).dev
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

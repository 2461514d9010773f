/**
 * Remembers which files of a watched folder were taken, in a file, so that a restart need not read every picture again.
 * It is only a cache: without it everything is read once more, and pictures already stored are skipped. What has changed
 * is appended, because the folder may hold a million files; the last line about a file counts.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { dirname, join } from 'node:path'
import { appendSettled, asStorageError, makeFolder, replaceFile } from '../../durable-files.js'
import { boundedLines } from '../lines.js'
import type { WatchedFolder } from './watched-folders.js'

export interface FolderMemoryHeader extends WatchedFolder {
  /** Gallery that took the files; a later gallery of the same name has none of them. */
  galleryUid: string
  /** Job that is to take the unconfirmed files; null if there is none. */
  jobId: string | null
  /** Folders in which drives were mounted. */
  mounts?: readonly string[] | undefined
}

/** A file whose content may be in the gallery: with `stamp`, unless a job has yet to confirm it. */
interface Remembered {
  stamp: string | null
  pending?: string | undefined
  /** No state of it has become a picture: whatever has its id comes from elsewhere. */
  isNoPicture?: boolean | undefined
}

const lineMaxBytes = 2 ** 20
/** Serialised in one turn of the event loop. */
const linesOfChunk = 1_000
/** The file may have this many outdated lines, about as many as one job leaves, before it is rewritten. */
const outdatedMin = 20_000

interface JobOutcome {
  /** Whether it took a file: others must be examined again. */
  taken(path: string): boolean
  /** Whether it is known to have stored nothing of a file; default: of none. */
  refused?: ((path: string) => boolean) | undefined
  removed: Iterable<string>
}

interface SavedMemory {
  header: FolderMemoryHeader
  files: Map<string, Remembered>
  lines: number
}

export class FolderMemory {
  readonly #file: string
  readonly #header: FolderMemoryHeader
  readonly #files: Map<string, Remembered>
  /** Those that a job has yet to confirm. */
  readonly #pending = new Set<string>()
  /** Those that have changed since the last write. */
  readonly #unsaved = new Set<string>()
  /** In the file; Infinity: it must be rewritten. */
  #lines: number

  private constructor(file: string, { header, files, lines }: SavedMemory) {
    this.#file = file
    this.#header = header
    this.#files = files
    this.#lines = lines
    for (const [path, { pending }] of files) if (pending !== undefined) this.#pending.add(path)
  }

  /** The saved state, or empty if that is unreadable or belongs to another gallery. */
  static async open(dataDir: string, watched: WatchedFolder, galleryUid: string): Promise<FolderMemory> {
    const { gallery, prefix, folder } = watched
    const key = [gallery, folder, ...(prefix === undefined ? [] : [prefix])].join('\0')
    const name = createHash('sha256').update(key).digest('hex').slice(0, 32)
    const file = join(dataDir, 'folders', `${name}.ndjson`)
    const left = await read(file).catch(() => undefined)
    if (left?.header.galleryUid === galleryUid) return new FolderMemory(file, left)
    return new FolderMemory(file, {
      header: { ...watched, galleryUid, jobId: null },
      files: new Map(),
      lines: Infinity,
    })
  }

  get galleryUid(): string {
    return this.#header.galleryUid
  }

  get jobId(): string | null {
    return this.#header.jobId
  }

  get mounts(): readonly string[] {
    return this.#header.mounts ?? []
  }

  get count(): number {
    return this.#files.size
  }

  paths(): Iterable<string> {
    return this.#files.keys()
  }

  /** Files that the job is to take. */
  pending(): Iterable<string> {
    return this.#pending
  }

  has(path: string, stamp: string): boolean {
    return this.#files.get(path)?.stamp === stamp
  }

  /** Saved before their files are: after a restart, a drive may be missing. */
  async keepMounts(mounts: readonly string[]): Promise<void> {
    this.#header.mounts = mounts
    await this.#save([this.#headerLines(), this.#unsavedLines()])
  }

  isNoPicture(path: string): boolean {
    return this.#files.get(path)?.isNoPicture === true
  }

  /** Files that are gone from the folder but stay in the gallery; saved with the next write. */
  forget(paths: Iterable<string>): void {
    for (const path of paths) this.#delete(path)
  }

  /** Saved before the job is created: after a crash, the files it may have stored are known. */
  async expect(jobId: string, stamps: Iterable<readonly [path: string, stamp: string]>): Promise<void> {
    this.#header.jobId = jobId
    for (const [path, pending] of stamps) {
      const before = this.#files.get(path)
      this.#set(path, { stamp: null, pending, isNoPicture: before === undefined || before.isNoPicture })
      this.#pending.add(path)
    }
    // first, so that what a crash cuts off leaves no file pending without its job
    await this.#save([this.#headerLines(), this.#unsavedLines()])
  }

  /** Called when the job has ended. */
  async settle({ taken, refused = () => false, removed }: JobOutcome): Promise<void> {
    this.#header.jobId = null
    for (const path of this.#pending) {
      const { pending, isNoPicture } = this.#files.get(path)!
      this.#set(path, { stamp: taken(path) ? pending! : null, isNoPicture: isNoPicture === true && refused(path) })
    }
    this.#pending.clear()
    for (const path of removed) this.#delete(path)
    await this.#save([this.#unsavedLines(), this.#headerLines()]) // last, likewise
  }

  #set(path: string, file: Remembered): void {
    this.#files.set(path, file)
    this.#unsaved.add(path)
  }

  #delete(path: string): void {
    this.#files.delete(path)
    this.#pending.delete(path)
    this.#unsaved.add(path)
  }

  /** @throws AlikeError `storage_full` */
  async #save(changes: Iterable<string>[]): Promise<void> {
    const lines = this.#lines + this.#unsaved.size + 1
    const isOutdated = lines > 2 * this.#files.size + outdatedMin
    try {
      await makeFolder(dirname(this.#file))
      if (isOutdated) await replaceFile(this.#file, inChunks([this.#headerLines(), this.#fileLines()]))
      else await appendSettled(this.#file, inChunks([['\n'], ...changes])) // ends a line that a crash cut off
    } catch (error) {
      throw asStorageError(error)
    }
    this.#lines = isOutdated ? this.#files.size + 1 : lines
    this.#unsaved.clear()
  }

  *#headerLines(): Generator<string> {
    yield lineOf(this.#header)
  }

  *#fileLines(): Generator<string> {
    for (const [path, file] of this.#files) yield lineOfFile(path, file)
  }

  /** Of a file that is forgotten: its path alone. */
  *#unsavedLines(): Generator<string> {
    for (const path of this.#unsaved) {
      const file = this.#files.get(path)
      yield file === undefined ? lineOf([path]) : lineOfFile(path, file)
    }
  }
}

function lineOfFile(path: string, { stamp, pending, isNoPicture }: Remembered): string {
  return lineOf([path, stamp, pending, ...(isNoPicture === true ? [true] : [])])
}

function lineOf(value: unknown): string {
  return `${JSON.stringify(value)}\n`
}

function* inChunks(parts: Iterable<string>[]): Generator<string> {
  let chunk: string[] = []
  for (const part of parts)
    for (const line of part) {
      chunk.push(line)
      if (chunk.length < linesOfChunk) continue
      yield chunk.join('')
      chunk = []
    }
  yield chunk.join('')
}

async function read(file: string): Promise<SavedMemory> {
  let header: FolderMemoryHeader | undefined
  const files = new Map<string, Remembered>()
  let lines = 0
  const stream = createReadStream(file) as AsyncIterable<Buffer>
  for await (const { line } of boundedLines(stream, lineMaxBytes)) {
    lines += 1
    const read = parsed(line)
    if (!Array.isArray(read)) {
      header = (read as FolderMemoryHeader | undefined) ?? header
      continue
    }
    const [path, stamp, pending, isNoPicture] = read as [string, (string | null)?, (string | null)?, true?]
    if (stamp === undefined) files.delete(path)
    else files.set(path, { stamp, pending: pending ?? undefined, isNoPicture })
  }
  if (header === undefined) throw new Error('it is empty')
  return { header, files, lines }
}

/** Undefined for a line that a crash cut off: its file keeps the state of the line before. */
function parsed(line: Buffer | undefined): unknown {
  try {
    return line && JSON.parse(line.toString())
  } catch {
    return undefined
  }
}

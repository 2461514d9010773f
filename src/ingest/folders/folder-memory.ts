/**
 * Remembers which files of a watched folder were taken, in a file, so that a restart need not read every picture again.
 * It is only a cache: without it everything is read once more, and pictures already stored are skipped.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { dirname, join } from 'node:path'
import { asStorageError, makeFolder, replaceFile } from '../../durable-files.js'
import { boundedLines } from '../lines.js'
import type { WatchedFolder } from './watched-folders.js'

export interface FolderMemoryHeader extends WatchedFolder {
  /** Gallery that took the files; a later gallery of the same name has none of them. */
  galleryUid: string
  /** Job that is to take the unconfirmed files; null if there is none. */
  jobId: string | null
}

/** A file whose content may be in the gallery: with `stamp`, unless a job has yet to confirm it. */
interface Remembered {
  stamp: string | null
  pending?: string | undefined
}

const lineMaxBytes = 64 * 1024
const linesOfChunk = 1_000

export class FolderMemory {
  readonly #file: string
  readonly #header: FolderMemoryHeader
  readonly #files: Map<string, Remembered>
  /** Those that a job has yet to confirm. */
  readonly #pending = new Set<string>()

  private constructor(file: string, header: FolderMemoryHeader, files: Map<string, Remembered>) {
    this.#file = file
    this.#header = header
    this.#files = files
    for (const [path, { pending }] of files) if (pending !== undefined) this.#pending.add(path)
  }

  /** The saved state, or empty if that is unreadable or belongs to another gallery. */
  static async open(dataDir: string, watched: WatchedFolder, galleryUid: string): Promise<FolderMemory> {
    const name = createHash('sha256').update(`${watched.gallery}\0${watched.folder}`).digest('hex').slice(0, 32)
    const file = join(dataDir, 'folders', `${name}.ndjson`)
    const left = await read(file).catch(() => undefined)
    if (left?.header.galleryUid === galleryUid) return new FolderMemory(file, left.header, left.files)
    return new FolderMemory(file, { ...watched, galleryUid, jobId: null }, new Map())
  }

  get galleryUid(): string {
    return this.#header.galleryUid
  }

  get jobId(): string | null {
    return this.#header.jobId
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

  /** Files that are gone from the folder but stay in the gallery; saved with the next write. */
  forget(paths: Iterable<string>): void {
    for (const path of paths) this.#delete(path)
  }

  /** Saved before the job is created: after a crash, the files it may have stored are known. */
  async expect(jobId: string, stamps: Iterable<readonly [path: string, stamp: string]>): Promise<void> {
    this.#header.jobId = jobId
    for (const [path, pending] of stamps) {
      this.#files.set(path, { stamp: null, pending })
      this.#pending.add(path)
    }
    await this.#save()
  }

  /** Called when the job has ended. @param taken whether it took a file: others must be examined again */
  async settle({ taken, removed }: { taken(path: string): boolean; removed: Iterable<string> }): Promise<void> {
    this.#header.jobId = null
    for (const path of this.#pending)
      this.#files.set(path, { stamp: taken(path) ? this.#files.get(path)!.pending! : null })
    this.#pending.clear()
    for (const path of removed) this.#delete(path)
    await this.#save()
  }

  #delete(path: string): void {
    this.#files.delete(path)
    this.#pending.delete(path)
  }

  /** @throws AlikeError `storage_full` */
  async #save(): Promise<void> {
    try {
      await makeFolder(dirname(this.#file))
      await replaceFile(this.#file, this.#lines())
    } catch (error) {
      throw asStorageError(error)
    }
  }

  *#lines(): Generator<string> {
    yield `${JSON.stringify(this.#header)}\n`
    let lines: string[] = []
    for (const [path, { stamp, pending }] of this.#files) {
      lines.push(`${JSON.stringify([path, stamp, pending])}\n`)
      if (lines.length < linesOfChunk) continue
      yield lines.join('')
      lines = []
    }
    yield lines.join('')
  }
}

async function read(file: string): Promise<{ header: FolderMemoryHeader; files: Map<string, Remembered> }> {
  let header: FolderMemoryHeader | undefined
  const files = new Map<string, Remembered>()
  const stream = createReadStream(file, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>
  for await (const { line } of boundedLines(stream, lineMaxBytes)) {
    const read: unknown = JSON.parse(line!.toString())
    if (header === undefined) header = read as FolderMemoryHeader
    else {
      const [path, stamp, pending] = read as [string, string | null, string | null]
      files.set(path, { stamp, pending: pending ?? undefined })
    }
  }
  if (header === undefined) throw new Error('it is empty')
  return { header, files }
}

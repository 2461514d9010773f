/** Originals as files below the data folder: `originals/ab/cd/abcd…`, two levels of 256 folders each. */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, opendir, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { asStorageError, syncFolder } from '../durable-files.js'
import { AlikeError } from '../errors.js'
import { type ByteRange, contentHashPattern, type OriginalStore } from './original-store.js'
import { TurnsByHash } from './turns-by-hash.js'

/** Half-written files of a dead process are removed at this age. */
const temporaryMaxAgeMs = 3_600_000

export class FolderOriginals implements OriginalStore {
  readonly #folder: string
  readonly #turns = new TurnsByHash()

  /** @param folder created if missing */
  constructor(folder: string) {
    this.#folder = folder
  }

  put(contentHash: string, bytes: Uint8Array): Promise<void> {
    return this.#turns.run(contentHash, () => this.#put(contentHash, bytes))
  }

  async get(contentHash: string): Promise<Buffer | undefined> {
    const bytes = await unlessAbsent(readFile(this.#path(contentHash)))
    if (bytes === undefined || createHash('sha256').update(bytes).digest('hex') === contentHash) return bytes
    throw new AlikeError('data_unreadable', { detail: `The original ${contentHash} is damaged.` })
  }

  async size(contentHash: string): Promise<number | undefined> {
    return (await unlessAbsent(stat(this.#path(contentHash))))?.size
  }

  read(contentHash: string, { first, last }: ByteRange): Promise<Readable> {
    return Promise.resolve(createReadStream(this.#path(contentHash), { start: first, end: last }))
  }

  remove(contentHash: string, youngerThan: Date): Promise<number> {
    return this.#turns.run(contentHash, () => this.#remove(contentHash, youngerThan))
  }

  async *list(): AsyncGenerator<{ contentHash: string; bytes: number; putAt: Date }> {
    for await (const path of filesBelow(this.#folder, 2)) {
      const found = await unlessAbsent(stat(path.whole))
      if (found === undefined) continue
      if (contentHashPattern.test(path.name)) yield { contentHash: path.name, bytes: found.size, putAt: found.mtime }
      else if (Date.now() - found.mtimeMs > temporaryMaxAgeMs) await rm(path.whole, { force: true })
    }
  }

  async #remove(contentHash: string, youngerThan: Date): Promise<number> {
    const path = this.#path(contentHash)
    const found = await unlessAbsent(stat(path))
    if (found === undefined || found.mtime > youngerThan) return 0
    await rm(path, { force: true })
    return found.size
  }

  async #put(contentHash: string, bytes: Uint8Array): Promise<void> {
    const path = this.#path(contentHash)
    try {
      const now = new Date()
      if ((await holds(path, bytes)) && (await unlessAbsent(utimes(path, now, now).then(() => true)))) {
        await syncFolder(dirname(path)) // the writing process may have died before syncing it
        return
      }
      await this.#write(path, bytes)
    } catch (error) {
      throw asStorageError(error)
    }
  }

  async #write(path: string, bytes: Uint8Array): Promise<void> {
    const folder = dirname(path)
    const first = await mkdir(folder, { recursive: true })
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
    // A new folder is durable only once its parent is synced.
    if (first !== undefined)
      for (let around = dirname(folder); around.length >= dirname(first).length; around = dirname(around))
        await syncFolder(around)
  }

  #path(contentHash: string): string {
    if (!contentHashPattern.test(contentHash)) throw new RangeError(`no content hash: ${contentHash}`)
    return join(this.#folder, contentHash.slice(0, 2), contentHash.slice(2, 4), contentHash)
  }
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

/** Files `depth` folders deep. */
async function* filesBelow(folder: string, depth: number): AsyncGenerator<{ name: string; whole: string }> {
  const entries = await unlessAbsent(opendir(folder))
  if (entries === undefined) return
  for await (const entry of entries) {
    const whole = join(folder, entry.name)
    if (depth > 0 && entry.isDirectory()) yield* filesBelow(whole, depth - 1)
    else if (depth === 0 && entry.isFile()) yield { name: entry.name, whole }
  }
}

async function unlessAbsent<Value>(work: Promise<Value>): Promise<Value | undefined> {
  try {
    return await work
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

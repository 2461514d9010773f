/** Originals as files below the data folder: `originals/ab/cd/abcd…`, two levels of 256 folders each. */
import { open, opendir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { contentHashOf } from '../content-hash.js'
import { AlikeError } from '../errors.js'
import { putFile, unlessAbsent } from './original-files.js'
import { type ByteRange, contentHashPattern, type OriginalStore, originalGone } from './original-store.js'
import { TurnsByHash } from './turns-by-hash.js'

/** Half-written files of a dead process are removed at this age. */
const temporaryMaxAgeMs = 3_600_000

export class FolderOriginals implements OriginalStore {
  readonly #folder: string
  readonly #put: typeof putFile
  readonly #turns = new TurnsByHash()

  /**
   * @param folder created if missing
   * @param put where files are written; default: this thread
   */
  constructor(folder: string, put = putFile) {
    this.#folder = folder
    this.#put = put
  }

  put(contentHash: string, bytes: Uint8Array): Promise<void> {
    return this.#turns.run(contentHash, async () => this.#put(this.#path(contentHash), bytes))
  }

  async get(contentHash: string): Promise<Buffer | undefined> {
    const bytes = await unlessAbsent(readFile(this.#path(contentHash)))
    if (bytes === undefined || (await contentHashOf(bytes)) === contentHash) return bytes
    throw new AlikeError('data_unreadable', { detail: `The original ${contentHash} is damaged.` })
  }

  async size(contentHash: string): Promise<number | undefined> {
    return (await unlessAbsent(stat(this.#path(contentHash))))?.size
  }

  async read(contentHash: string, { first, last }: ByteRange): Promise<Readable> {
    // opened here: nobody listens yet for the error of a stream that cannot open it
    const file = await unlessAbsent(open(this.#path(contentHash)))
    if (file === undefined) throw originalGone()
    return file.createReadStream({ start: first, end: last })
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

  #path(contentHash: string): string {
    if (!contentHashPattern.test(contentHash)) throw new RangeError(`no content hash: ${contentHash}`)
    return join(this.#folder, contentHash.slice(0, 2), contentHash.slice(2, 4), contentHash)
  }
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

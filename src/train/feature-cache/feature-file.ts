/**
 * Feature maps of one view of every picture, as float16 rows in one file: the output of a frozen trunk is computed once
 * and read in every epoch. Its header records what the rows belong to and how many are finished, so that an interrupted
 * build can continue.
 */
import { type FileHandle, open, rm } from 'node:fs/promises'
import { floatsToHalves, halvesToFloats } from '../half-floats.js'

/** Height, width, channels. */
export type MapShape = readonly [height: number, width: number, channels: number]

interface Header {
  /** Identifies weights, pictures and view; rows of any other fingerprint are useless. */
  fingerprint: string
  shape: MapShape
  /** Rows written and synced. */
  done: number
}

/** JSON, padded with spaces. */
const headerBytes = 4096

export class FeatureFile {
  readonly shape: MapShape
  /** Rows that were finished when the file was opened. */
  readonly done: number
  readonly #path: string
  readonly #fingerprint: string
  readonly #handle: FileHandle

  private constructor(path: string, { fingerprint, shape, done }: Header, handle: FileHandle) {
    this.#path = path
    this.#fingerprint = fingerprint
    this.shape = shape
    this.done = done
    this.#handle = handle
  }

  /**
   * Replaces a file with another fingerprint or shape, whose name it takes: a run that still reads or builds that one
   * keeps it until it closes it.
   */
  static async open(path: string, fingerprint: string, shape: MapShape): Promise<FeatureFile> {
    for (;;) {
      const found = await opened(path, 'r+', 'ENOENT')
      const header = found && (await headerOf(found))
      if (found && header?.fingerprint === fingerprint && header.shape.join() === shape.join())
        return new FeatureFile(path, header, found)
      await found?.close()
      if (found) await rm(path, { force: true })
      // never a file that another run has created meanwhile
      const created = await opened(path, 'wx+', 'EEXIST')
      if (created === undefined) continue
      const file = new FeatureFile(path, { fingerprint, shape, done: 0 }, created)
      await file.sync(0)
      return file
    }
  }

  /** Values per row. */
  get size(): number {
    const [height, width, channels] = this.shape
    return height * width * channels
  }

  /** Writes rows from `firstRow` on; they count as done only after `sync`. */
  async write(firstRow: number, maps: Float32Array): Promise<void> {
    const halves = floatsToHalves(maps)
    await writeAll(this.#handle, new Uint8Array(halves.buffer), headerBytes + firstRow * this.size * 2)
  }

  async sync(done: number): Promise<void> {
    await this.#handle.sync()
    const header: Header = { fingerprint: this.#fingerprint, shape: this.shape, done }
    await writeAll(this.#handle, Buffer.from(JSON.stringify(header).padEnd(headerBytes)), 0)
  }

  /**
   * Reads a row into `into` at `offset`, flipped horizontally if `mirrored`: approximately the map of the mirrored
   * picture.
   */
  async read(row: number, mirrored: boolean, into: Float32Array, offset: number): Promise<void> {
    const halves = new Uint16Array(this.size)
    const { bytesRead } = await this.#handle.read(
      new Uint8Array(halves.buffer),
      0,
      halves.byteLength,
      headerBytes + row * halves.byteLength,
    )
    if (bytesRead !== halves.byteLength)
      throw new Error(`${this.#path} ends before row ${row}; delete it to build it anew.`)
    const target = into.subarray(offset, offset + this.size)
    if (!mirrored) {
      halvesToFloats(halves, target)
      return
    }
    const [height, width, channels] = this.shape
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const from = (y * width + x) * channels
        const to = (y * width + width - 1 - x) * channels
        halvesToFloats(halves.subarray(from, from + channels), target.subarray(to, to + channels))
      }
    }
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

/** @returns undefined for the error that is expected */
function opened(path: string, flags: 'r+' | 'wx+', expected: 'ENOENT' | 'EEXIST'): Promise<FileHandle | undefined> {
  return open(path, flags).catch((error: NodeJS.ErrnoException) => {
    if (error.code === expected) return undefined
    throw error
  })
}

/** Undefined if it was never written. */
async function headerOf(handle: FileHandle): Promise<Header | undefined> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(headerBytes), 0, headerBytes, 0)
  try {
    return JSON.parse(buffer.toString('utf8', 0, bytesRead)) as Header
  } catch {
    return undefined
  }
}

/** A disk that becomes full takes part of the bytes without an error. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; )
    at += (await handle.write(bytes, at, bytes.length - at, position + at)).bytesWritten
}

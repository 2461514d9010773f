/**
 * Feature maps of one view of every picture, as float16 rows in one file: the output of a frozen trunk is computed once
 * and read in every epoch. Beside it, `<path>.json` records what the rows belong to and how many are finished, so that
 * an interrupted build can continue.
 */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { floatsToHalves, halvesToFloats } from '../half-floats.js'

/** Height, width, channels. */
export type MapShape = readonly [height: number, width: number, channels: number]

interface Sidecar {
  /** Identifies weights, pictures and view; rows of any other fingerprint are useless. */
  fingerprint: string
  shape: MapShape
  /** Rows written and synced. */
  done: number
}

/** Number of finished rows; 0 if there are none with this fingerprint. */
export async function rowsDone(path: string, fingerprint: string, shape: MapShape): Promise<number> {
  const text = await readFile(`${path}.json`, 'utf8').catch(() => null)
  if (text === null) return 0
  const { done, ...made } = JSON.parse(text) as Sidecar
  if (made.fingerprint !== fingerprint || made.shape.join() !== shape.join()) return 0
  // another run may have removed the rows while they were being written
  const bytes = await stat(path).then(
    ({ size }) => size,
    () => 0,
  )
  return bytes >= done * sizeOf(shape) * 2 ? done : 0
}

/** Values per row. */
function sizeOf([height, width, channels]: MapShape): number {
  return height * width * channels
}

export class FeatureFile {
  readonly shape: MapShape
  readonly #path: string
  readonly #fingerprint: string
  readonly #handle: FileHandle

  private constructor(path: string, fingerprint: string, shape: MapShape, handle: FileHandle) {
    this.#path = path
    this.#fingerprint = fingerprint
    this.shape = shape
    this.#handle = handle
  }

  static async open(path: string, fingerprint: string, shape: MapShape): Promise<FeatureFile> {
    return new FeatureFile(path, fingerprint, shape, await open(path, constants.O_RDWR | constants.O_CREAT))
  }

  /** Values per row. */
  get size(): number {
    return sizeOf(this.shape)
  }

  /** Writes rows from `firstRow` on; they count as done only after `sync`. */
  async write(firstRow: number, maps: Float32Array): Promise<void> {
    const halves = floatsToHalves(maps)
    await this.#handle.write(new Uint8Array(halves.buffer), 0, halves.byteLength, firstRow * this.size * 2)
  }

  async sync(done: number): Promise<void> {
    await this.#handle.sync()
    const sidecar: Sidecar = { fingerprint: this.#fingerprint, shape: this.shape, done }
    const part = `${this.#path}.json.${randomUUID()}` // another run may be writing the same rows
    await writeFile(part, JSON.stringify(sidecar))
    await rename(part, `${this.#path}.json`)
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
      row * halves.byteLength,
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

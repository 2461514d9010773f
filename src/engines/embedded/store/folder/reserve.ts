/** A file that keeps room on the disk of the data folder, to be given to deletions once the disk is full. */
import { randomFillSync } from 'node:crypto'
import { statSync } from 'node:fs'
import { open, rename, rm, truncate } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { freeBytes } from '../../../../durable-files.js'
import { OneAfterAnother } from '../../../../one-after-another.js'

export const reserveName = 'alike.reserve'
/** While it is filled. */
export const reservePartName = `${reserveName}.part`

/**
 * The write-ahead log is emptied into the database once it exceeds 8 MiB, for which the database may have to grow: as
 * much again for both.
 */
const reserveBytes = 16 * 2 ** 20
const pieceBytes = 2 ** 20

export class Reserve {
  readonly #path: string
  #state: 'missing' | 'held' | 'released'
  #releasing: Promise<boolean> | undefined
  /** Serialises changes of its file. */
  readonly #turns = new OneAfterAnother()

  constructor(folder: string) {
    this.#path = join(folder, reserveName)
    const found = statSync(this.#path, { throwIfNoEntry: false })
    // earlier versions filled the file in place, and left a part of it when they were killed
    this.#state = found?.size === 0 ? 'released' : found?.size === reserveBytes ? 'held' : 'missing'
  }

  /** Its room belongs to deletions alone. Remembered by the empty file: a process that is restarted must keep to it. */
  get isReleased(): boolean {
    return this.#state === 'released'
  }

  /**
   * Counts as released at once, and frees its room when `others` has resolved.
   * @returns false if there was none
   */
  release(others: Promise<unknown>): Promise<boolean> {
    if (this.#state !== 'held') return this.#releasing ?? Promise.resolve(false)
    this.#state = 'released'
    this.#releasing = this.#turns.run(async () => {
      await others
      try {
        await truncate(this.#path)
        return true
      } catch {
        await this.#remove()
        return false
      }
    })
    return this.#releasing
  }

  /** Its room did not help. */
  giveUp(): Promise<void> {
    return this.#turns.run(() => this.#remove())
  }

  /** Takes its room, if as much again stays free. @returns whether it has it */
  take(): Promise<boolean> {
    return this.#turns.run(() => this.#take())
  }

  async #remove(): Promise<void> {
    this.#state = 'missing'
    this.#releasing = undefined
    await rm(this.#path, { force: true }).catch(() => {})
  }

  async #take(): Promise<boolean> {
    if (this.#state === 'held') return true
    const part = join(dirname(this.#path), reservePartName)
    try {
      // of a process that was killed
      await rm(part, { force: true })
      if (this.#state === 'missing') await rm(this.#path, { force: true })
      if ((await freeBytes(dirname(this.#path))) < 2 * reserveBytes) return false
      await fill(part)
      await rename(part, this.#path)
      this.#state = 'held'
      this.#releasing = undefined
      return true
    } catch {
      await rm(part, { force: true }).catch(() => {})
      return false
    }
  }
}

/** With random bytes, which no file system compresses. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'w')
  try {
    const piece = randomFillSync(Buffer.allocUnsafe(pieceBytes))
    for (let bytes = 0; bytes < reserveBytes; bytes += pieceBytes) await file.appendFile(piece)
    await file.sync()
  } finally {
    await file.close()
  }
}

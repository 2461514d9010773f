/** Uuids by number in memory that threads share: a scan gives the numbers, and the main thread knows what they stand for. */

const bytesEach = 16
/** Most that a scan can read; only memory that is used is taken. */
const uuidsMax = 2 ** 25

/** To be handed to `NumberedUuids` on both sides. */
export function sharedUuids(): SharedArrayBuffer {
  return new SharedArrayBuffer(0, { maxByteLength: uuidsMax * bytesEach })
}

export class NumberedUuids {
  readonly #memory: SharedArrayBuffer
  /** Of those that this side has added. */
  readonly #numbers = new Map<string, number>()

  constructor(memory: SharedArrayBuffer) {
    this.#memory = memory
  }

  get count(): number {
    return this.#memory.byteLength / bytesEach
  }

  /** The number it has already, or the next one. */
  add(uuid: string): number {
    const known = this.#numbers.get(uuid)
    if (known !== undefined) return known
    const number = this.count
    this.#memory.grow((number + 1) * bytesEach)
    new Uint8Array(this.#memory, number * bytesEach, bytesEach).set(Buffer.from(uuid.replaceAll('-', ''), 'hex'))
    this.#numbers.set(uuid, number)
    return number
  }

  numberOf(uuid: string): number | undefined {
    return this.#numbers.get(uuid)
  }

  uuidOf(number: number): string {
    const hex = Buffer.from(new Uint8Array(this.#memory, number * bytesEach, bytesEach)).toString('hex')
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  }
}

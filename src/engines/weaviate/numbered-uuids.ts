/**
 * Numbers for uuids, in memory shared between threads: a scan returns numbers, which the main thread translates back.
 */

const bytesEach = 16
/** Maximum that a scan can read; only used memory is allocated. */
const uuidsMax = 2 ** 25

/** Pass it to `NumberedUuids` on both sides. */
export function sharedUuids(): SharedArrayBuffer {
  return new SharedArrayBuffer(0, { maxByteLength: uuidsMax * bytesEach })
}

export class NumberedUuids {
  readonly #memory: SharedArrayBuffer
  /** Those added by this side. */
  readonly #numbers = new Map<string, number>()

  constructor(memory: SharedArrayBuffer) {
    this.#memory = memory
  }

  get count(): number {
    return this.#memory.byteLength / bytesEach
  }

  /** Its existing number, or the next one. */
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

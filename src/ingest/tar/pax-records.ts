/** The records of a pax extended header: `30 mtime=1350244992.023960108\n`, the length counting the whole record. */

/** In their order: a key may come again, with a new value or, of sparse files, with one more. */
export type PaxRecord = readonly [key: string, value: Buffer]

const [space, equals, newline, zero, nine] = [0x20, 0x3d, 0x0a, 0x30, 0x39]
const lengthMaxDigits = 9
/** Of thousands of others that a header may have, nothing is made. */
const keptKeys = /^(path|linkpath|size|hdrcharset|GNU\.sparse\.\w+|ALIKE\.\w+)$/
const keptInitials = new Set(Buffer.from('plshGA'))

/** Those that mean something here. @throws Error when they are damaged */
export function readPaxRecords(bytes: Buffer): PaxRecord[] {
  const records: PaxRecord[] = []
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    const { length, keyAt } = lengthAt(bytes, at)
    const end = at + length
    if (end > bytes.length || end <= keyAt || bytes[end - 1] !== newline) throw damaged()
    if (keptInitials.has(bytes[keyAt]!)) {
      const keyEnd = bytes.indexOf(equals, keyAt)
      if (keyEnd === -1 || keyEnd >= end) throw damaged()
      const key = bytes.toString('latin1', keyAt, keyEnd)
      if (keptKeys.test(key)) records.push([key, bytes.subarray(keyEnd + 1, end - 1)])
    }
    at = end
  }
  return records
}

function lengthAt(bytes: Buffer, start: number): { length: number; keyAt: number } {
  let [length, at] = [0, start]
  for (; at < start + lengthMaxDigits && bytes[at]! >= zero && bytes[at]! <= nine; at++)
    length = 10 * length + bytes[at]! - zero
  if (at === start || bytes[at] !== space) throw damaged()
  return { length, keyAt: at + 1 }
}

/** What holds for an entry: a later value replaces a former one, an empty one takes it back. */
export class PaxValues {
  readonly #values = new Map<string, Buffer>()
  readonly #records: readonly PaxRecord[]

  constructor(records: readonly PaxRecord[]) {
    this.#records = records
    for (const [key, value] of records) {
      if (value.length === 0) this.#values.delete(key)
      else this.#values.set(key, value)
    }
  }

  bytes(key: string): Buffer | undefined {
    return this.#values.get(key)
  }

  text(key: string): string | undefined {
    return this.#values.get(key)?.toString('utf8')
  }

  /** @throws Error for what is no number that a file can have as its size */
  number(key: string): number | undefined {
    const text = this.text(key)
    if (text !== undefined && !/^\d{1,15}$/.test(text)) throw new Error(`the pax record ${key} is no number`)
    return text === undefined ? undefined : Number(text)
  }

  /** Every value of these keys, in the order of the records. */
  all(...keys: string[]): Buffer[] {
    return this.#records.flatMap(([key, value]) => (keys.includes(key) ? [value] : []))
  }
}

function damaged(): Error {
  return new Error('a pax header is damaged')
}

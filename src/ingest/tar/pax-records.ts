/**
 * The records of a pax extended header: `30 mtime=1350244992.023960108\n`, where the length counts the whole record.
 */

/** In order: a key may repeat, with a new value or, for sparse files, an additional one. */
export type PaxRecord = readonly [key: string, value: Buffer]

const [space, equals, newline, zero, nine] = [0x20, 0x3d, 0x0a, 0x30, 0x39]
const lengthMaxDigits = 9
/** Other keys, of which a header may have thousands, are ignored. */
const keptKeys = /^(path|linkpath|size|hdrcharset|GNU\.sparse\.\w+|ALIKE\.\w+)$/
const keptInitials = new Set(Buffer.from('plshGA'))

/** Reads the records with a known meaning. @throws Error if they are damaged */
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

/** The values that apply to an entry: a later value replaces an earlier one, an empty one removes it. */
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

  /** @throws Error for anything that cannot be a file size */
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

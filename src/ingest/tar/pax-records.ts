/** The records of a pax extended header: `30 mtime=1350244992.023960108\n`, the length counting the whole record. */

export type PaxRecords = ReadonlyMap<string, Buffer>

const [space, equals, newline] = [0x20, 0x3d, 0x0a]
const lengthMaxDigits = 9

/** Values as they are written; a later record of a key replaces the former. @throws Error when they are damaged */
export function readPaxRecords(bytes: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>()
  for (let at = 0; at < bytes.length && bytes[at] !== 0;) {
    const lengthEnd = bytes.subarray(at, at + lengthMaxDigits + 1).indexOf(space)
    const digits = lengthEnd === -1 ? '' : bytes.toString('latin1', at, at + lengthEnd)
    const end = at + Number(digits)
    if (!/^\d+$/.test(digits) || end > bytes.length || end <= at + lengthEnd + 1 || bytes[end - 1] !== newline) throw damaged()
    const record = bytes.subarray(at + lengthEnd + 1, end - 1)
    const keyEnd = record.indexOf(equals)
    if (keyEnd === -1) throw damaged()
    records.set(record.toString('utf8', 0, keyEnd), record.subarray(keyEnd + 1))
    at = end
  }
  return records
}

function damaged(): Error {
  return new Error('a pax header is damaged')
}

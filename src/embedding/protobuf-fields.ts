/**
 * The fields of a protobuf message, found in its bytes: a file can be edited without its whole schema, and whatever is
 * not edited stays as it is.
 */

/** A field of a protobuf message: its tag is at `start`, its content from `from` to `to`. */
export interface Field {
  number: number
  start: number
  from: number
  to: number
}

/** @throws RangeError if a field reaches beyond the end */
export function fieldsOf(bytes: Buffer, begin: number, end: number): Field[] {
  const found: Field[] = []
  let at = begin
  while (at < end) {
    const start = at
    const tag = varint(bytes, at)
    const from = tag.after
    const [number, type] = [Math.floor(tag.value / 8), tag.value % 8]
    if (type === 2) {
      const length = varint(bytes, from)
      at = length.after + length.value
      found.push({ number, start, from: length.after, to: at })
    } else {
      at = type === 0 ? varint(bytes, from).after : from + (type === 1 ? 8 : 4)
      found.push({ number, start, from, to: at })
    }
  }
  if (at !== end) throw new RangeError('a field reaches beyond its message')
  return found
}

/** Exact below 2^53; larger and negative numbers are only skipped. */
function varint(bytes: Buffer, at: number): { value: number; after: number } {
  let value = 0
  for (let i = at, factor = 1; ; i++, factor *= 128) {
    const byte = bytes[i]
    if (byte === undefined) throw new RangeError('the file ends within a number')
    value += (byte & 127) * factor
    if (byte < 128) return { value, after: i + 1 }
  }
}

/** Tag and length of a field whose content, of that many bytes, follows. */
export function tagOf(number: number, length: number): Buffer {
  const bytes = [number * 8 + 2]
  for (let rest = length; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) + 128)
  }
}

export function namesIn(bytes: Buffer, message: Field, number: number): string[] {
  return fieldsOf(bytes, message.from, message.to)
    .filter((field) => field.number === number)
    .map(({ from, to }) => bytes.toString('utf8', from, to))
}

export function nameIn(bytes: Buffer, message: Field, number: number): string {
  return namesIn(bytes, message, number)[0] ?? ''
}

/** Builds archives for tests, including malicious ones. */
import { deflateRawSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { crc32 } from './png.js'

export interface ArchiveEntry {
  path: string
  /** zip: the raw name, instead of `path` in UTF-8 with the flag that declares it. */
  name?: ZipName
  content?: Buffer
  /** tar: any type except a plain file. zip: only `symlink`. */
  type?: 'directory' | 'symlink' | 'link' | 'character-device' | 'fifo'
  /** zip: its directory entry points to the body of the previous entry. */
  sharesBody?: boolean
  /** zip: state a wrong size. */
  statedBytes?: number
  /** zip: not compressed. */
  isStored?: boolean
  /** zip: modifies the packed content after its checksum was computed. */
  spoil?: (packed: Buffer) => void
}

export interface ZipName {
  bytes: Buffer
  isFlaggedUtf8?: boolean
  /** Default 3, Unix; 0 is what Windows writes. */
  madeBy?: number
  /** Extra fields, raw. */
  extra?: Buffer
}

/** Info-ZIP's extra field with a name in UTF-8. */
export function unicodePath(name: Buffer, path: string): Buffer {
  const field = Buffer.alloc(9)
  field.writeUInt16LE(0x7075, 0)
  field.writeUInt16LE(5 + Buffer.byteLength(path), 2)
  field[4] = 1
  field.writeUInt32LE(crc32(name), 5)
  return Buffer.concat([field, Buffer.from(path)])
}

export async function tarOf(entries: ArchiveEntry[]): Promise<Buffer> {
  const tar = pack()
  for (const { path, content, type } of entries) {
    if (type === undefined) tar.entry({ name: path }, content ?? Buffer.alloc(0))
    else tar.entry({ name: path, type, ...(type === 'symlink' || type === 'link' ? { linkname: '/etc/passwd' } : {}) })
  }
  tar.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of tar) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/**
 * Zstandard without compression: a frame of raw blocks.
 * @param windowByte as defined in RFC 8878, 3.1.1.1.2; 0x58 is 2 MiB
 */
export function zstdOf(content: Buffer, windowByte = 0x58): Buffer {
  const pieces: Buffer[] = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, windowByte])]
  for (let at = 0; at === 0 || at < content.length; at += 131_072) {
    const block = content.subarray(at, at + 131_072)
    const header = Buffer.alloc(3)
    header.writeUIntLE(block.length * 8 + (at + 131_072 >= content.length ? 1 : 0), 0, 3)
    pieces.push(header, block)
  }
  return Buffer.concat(pieces)
}

export function zipOf(entries: ArchiveEntry[]): Buffer {
  const local: Buffer[] = []
  const central: Buffer[] = []
  let [offset, last] = [0, 0]
  for (const {
    path,
    content = Buffer.alloc(0),
    type,
    statedBytes = content.length,
    sharesBody = false,
    isStored = false,
    spoil,
    name: given,
  } of entries) {
    const {
      bytes: name,
      isFlaggedUtf8 = true,
      madeBy = 3,
      extra = Buffer.alloc(0),
    } = given ?? { bytes: Buffer.from(path) }
    const packed = isStored ? Buffer.from(content) : deflateRawSync(content)
    spoil?.(packed)
    // version, flags (UTF-8 names), method (deflate), time, date, crc, sizes, lengths
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt16LE(isFlaggedUtf8 ? 0x0800 : 0, 2)
    fields.writeUInt16LE(isStored ? 0 : 8, 4)
    fields.writeUInt32LE(crc32(content), 10)
    fields.writeUInt32LE(packed.length, 14)
    fields.writeUInt32LE(statedBytes, 18)
    fields.writeUInt16LE(name.length, 22)
    const entry = Buffer.concat([Buffer.from('PK\x03\x04'), fields, name, packed])
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(type === 'symlink' ? (0o120777 << 16) >>> 0 : 0, 6)
    rest.writeUInt32LE(sharesBody ? last : offset, 10)
    const directoryFields = Buffer.from(fields)
    directoryFields.writeUInt16LE(extra.length, 24)
    central.push(Buffer.from('PK\x01\x02'), Buffer.from([20, madeBy]), directoryFields, rest, name, extra)
    if (sharesBody) continue
    local.push(entry)
    last = offset
    offset += entry.length
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 0, 'latin1')
  // modulo 65,536, as macOS does
  end.writeUInt16LE(entries.length & 0xffff, 8)
  end.writeUInt16LE(entries.length & 0xffff, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...local, directory, end])
}

/** The header of one tar entry, without its content. @param name each character is a byte @param type one character, as POSIX and GNU define them */
export function tarBlock({
  name,
  type,
  size,
  link = '',
}: {
  name: string
  type: string
  size: number
  link?: string
}): Buffer {
  const block = Buffer.alloc(512)
  block.write(name, 0, 100, 'latin1')
  block.write(link, 157, 100, 'latin1')
  for (const [at, digits, value] of [
    [100, 7, 0o644],
    [108, 7, 0],
    [116, 7, 0],
    [124, 11, size],
    [136, 11, 0],
  ] as const) {
    block.write(value.toString(8).padStart(digits, '0'), at, 'latin1')
  }
  block.write(' '.repeat(8), 148, 'latin1')
  block.write(type, 156, 'latin1')
  block.write('ustar\x0000', 257, 'latin1')
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

/** A tar of raw entries; pax headers are entries of type `x`. */
export function rawTar(entries: { name: string; type?: string; content?: Buffer; link?: string }[]): Buffer {
  const blocks = entries.map(({ name, type = '0', content = Buffer.alloc(0), link }) =>
    Buffer.concat([
      tarBlock({ name, type, size: content.length, ...(link !== undefined && { link }) }),
      content,
      Buffer.alloc(-content.length & 511),
    ]),
  )
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

/** One record of a pax header; each character of the value is a byte. */
export function paxRecord(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`
  let length = rest.length
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return Buffer.from(`${length}${rest}`, 'latin1')
}

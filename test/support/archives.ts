/** Archives as a test wants them, malicious ones included. */
import { deflateRawSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { crc32 } from './png.js'

export interface ArchiveEntry {
  path: string
  content?: Buffer
  /** tar: any type but a plain file. zip: only `symlink`. */
  type?: 'directory' | 'symlink' | 'link' | 'character-device' | 'fifo'
  /** zip: its directory points to the body of the entry before. */
  sharesBody?: boolean
  /** zip: state another size than the true one. */
  statedBytes?: number
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

/** Zstandard without compressing: a frame of raw blocks. @param windowByte as RFC 8878, 3.1.1.1.2 has it; 0x58 is 2 MiB */
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
  for (const { path, content = Buffer.alloc(0), type, statedBytes = content.length, sharesBody = false } of entries) {
    const name = Buffer.from(path)
    const packed = deflateRawSync(content)
    // version, flags (UTF-8 names), method (deflate), time, date, crc, sizes, lengths
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(20, 0)
    fields.writeUInt16LE(0x0800, 2)
    fields.writeUInt16LE(8, 4)
    fields.writeUInt32LE(crc32(content), 10)
    fields.writeUInt32LE(packed.length, 14)
    fields.writeUInt32LE(statedBytes, 18)
    fields.writeUInt16LE(name.length, 22)
    const entry = Buffer.concat([Buffer.from('PK\x03\x04'), fields, name, packed])
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(type === 'symlink' ? (0o120777 << 16) >>> 0 : 0, 6)
    rest.writeUInt32LE(sharesBody ? last : offset, 10)
    central.push(Buffer.from('PK\x01\x02'), Buffer.from([20, 3]), fields, rest, name)
    if (sharesBody) continue
    local.push(entry)
    last = offset
    offset += entry.length
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 0, 'latin1')
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...local, directory, end])
}

/** The header of one tar entry, without its content. @param type one character, as POSIX and GNU define them */
export function tarBlock({ name, type, size }: { name: string; type: string; size: number }): Buffer {
  const block = Buffer.alloc(512)
  block.write(name, 0, 100, 'latin1')
  for (const [at, digits, value] of [[100, 7, 0o644], [108, 7, 0], [116, 7, 0], [124, 11, size], [136, 11, 0]] as const) {
    block.write(value.toString(8).padStart(digits, '0'), at, 'latin1')
  }
  block.write(' '.repeat(8), 148, 'latin1')
  block.write(type, 156, 'latin1')
  block.write('ustar\x0000', 257, 'latin1')
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

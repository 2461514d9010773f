/**
 * Reads a tar archive as a stream: what came before damage is given out before the damage is met.
 * Headers are small or refused, so that no sender decides how much is put together in memory.
 */
import { AlikeError } from '../../errors.js'
import { tooManyHeaders } from '../archive-bounds.js'
import { ByteReader } from './byte-reader.js'
import { readPaxRecords, type PaxRecords } from './pax-records.js'
import { blockBytes, isHeader, readHeader, type TarHeader } from './tar-header.js'

export interface TarEntry extends Omit<TarHeader, 'linkName'> {
  /** Of the extended headers, global ones included. */
  pax: PaxRecords
  /** What is not read of it is passed over when the next entry is asked for. */
  content: AsyncIterable<Buffer>
}

/** Of a pax header or a GNU long name; real ones have a few hundred bytes, with extended attributes a few thousand. */
export const extendedHeaderMaxBytes = 64 * 1024
/** Tools pad an archive to full tape records; zeros beyond are its end, whatever follows. */
const paddingMaxBytes = 2 ** 20

export interface TarBounds {
  /** Headers of every kind, those of folders and the extended ones included. */
  headersMax: number
}

/** @throws AlikeError `archive_unreadable` for what is refused, Error for damage; what the source throws */
export async function* tarEntries(source: AsyncIterable<Uint8Array>, { headersMax }: TarBounds): AsyncGenerator<TarEntry> {
  const reader = new ByteReader(source)
  let globals: PaxRecords = new Map()
  let extended = new Extended()
  let headers = 0
  try {
    for (;;) {
      const header = await nextHeader(reader)
      if (header === undefined) return
      if (++headers > headersMax) throw tooManyHeaders(headersMax)
      if (isExtension(header.type)) {
        const bytes = await extensionOf(reader, header)
        if (header.type === 'g') globals = new Map([...globals, ...readPaxRecords(bytes)])
        else extended.add(header.type, bytes)
        continue
      }
      const entry = extended.describe(header, globals)
      extended = new Extended()
      const content = new Content(reader, entry.size)
      yield { ...entry, content: content.read() }
      await content.skip()
    }
  } finally {
    await reader.close()
  }
}

/**
 * Two blocks of zeros end an archive. Another one may be glued on behind them; anything else there is
 * what the disk or tape happened to hold, and passed over as every tar does.
 * @returns undefined at the end
 */
async function nextHeader(reader: ByteReader): Promise<TarHeader | undefined> {
  for (let zeros = 0; ; zeros += blockBytes) {
    const block = await reader.take(blockBytes)
    if (block.length === 0 || zeros > paddingMaxBytes) return undefined
    const ended = zeros >= 2 * blockBytes
    if (block.length < blockBytes || (ended && !block.equals(zeroBlock) && !isHeader(block))) {
      if (ended) return undefined
      throw new Error('it ends in the middle of a header')
    }
    if (!block.equals(zeroBlock)) return readHeader(block)
  }
}

const zeroBlock = Buffer.alloc(blockBytes)

/** Long names of GNU (`L`, `K`), headers of pax (`x`, `X` by Solaris, `g` for all that follow). */
function isExtension(type: string): boolean {
  return 'LKxXg'.includes(type)
}

async function extensionOf(reader: ByteReader, { size }: TarHeader): Promise<Buffer> {
  if (size > extendedHeaderMaxBytes) {
    throw new AlikeError('archive_unreadable', { detail: `A header in it has ${size} bytes; at most ${extendedHeaderMaxBytes} are accepted.` })
  }
  const padded = await reader.take(paddedTo(size))
  if (padded.length < paddedTo(size)) throw new Error('it ends in the middle of an extended header')
  return padded.subarray(0, size)
}

/** What the headers before an entry say of it. */
class Extended {
  #longName: Buffer | undefined
  #pax: PaxRecords = new Map()

  add(type: string, bytes: Buffer): void {
    if (type === 'x' || type === 'X') this.#pax = readPaxRecords(bytes)
    else if (type === 'L') this.#longName = bytes.includes(0) ? bytes.subarray(0, bytes.indexOf(0)) : bytes
  }

  describe({ name, type, size }: TarHeader, globals: PaxRecords): Omit<TarEntry, 'content'> {
    const pax = globals.size === 0 ? this.#pax : new Map([...globals, ...this.#pax])
    const stated = pax.get('size')?.toString('latin1')
    if (stated !== undefined && !/^\d{1,15}$/.test(stated)) throw new Error('a pax header states a size that is none')
    return {
      name: pax.get('path') ?? this.#longName ?? name,
      type,
      pax,
      // only these have a body, whatever size the header states
      size: '234561'.includes(type) ? 0 : stated === undefined ? size : Number(stated),
    }
  }
}

class Content {
  readonly #reader: ByteReader
  #left: number
  #padding: number

  constructor(reader: ByteReader, size: number) {
    this.#reader = reader
    this.#left = size
    this.#padding = paddedTo(size) - size
  }

  async *read(): AsyncGenerator<Buffer> {
    while (this.#left > 0) yield await this.#next(this.#left)
  }

  async skip(): Promise<void> {
    while (this.#left > 0) await this.#next(this.#left)
    if (this.#padding > 0) await this.#reader.take(this.#padding)
    this.#padding = 0
  }

  async #next(maxBytes: number): Promise<Buffer> {
    const piece = await this.#reader.next(maxBytes)
    if (piece === undefined) throw new Error('it ends in the middle of a file')
    this.#left -= piece.length
    return piece
  }
}

function paddedTo(size: number): number {
  return Math.ceil(size / blockBytes) * blockBytes
}

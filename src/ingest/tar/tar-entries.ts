/**
 * Reads a tar archive as a stream: entries before any damage are delivered first. Oversized headers are refused, so
 * that no sender controls how much is held in memory.
 */
import { AlikeError } from '../../errors.js'
import { tooManyHeaders } from '../archive-bounds.js'
import { ByteReader } from '../byte-reader.js'
import { type EntryDescription, ExtendedHeaders, isExtension } from './extended-headers.js'
import { filled } from './sparse.js'
import { blockBytes, isHeader, readHeader, type TarHeader } from './tar-header.js'

export interface TarEntry extends EntryDescription {
  /** The unread rest is skipped when the next entry is requested. */
  content: AsyncIterable<Buffer>
}

/** Of a pax header or GNU long name; real ones have a few hundred bytes, with extended attributes a few thousand. */
const extendedHeaderMaxBytes = 64 * 1024
/** Tools pad an archive to full tape records; more zeros than this are its end, whatever follows. */
const paddingMaxBytes = 2 ** 20
const zeroBlock = Buffer.alloc(blockBytes)

export interface TarBounds {
  /** Headers of every kind, including folders and extended headers. */
  headersMax: number
}

/**
 * Types that are not entries of their own: volume labels, incremental backup lists, Solaris ACLs and attributes, old
 * long names.
 */
const aboutArchive = 'VDAEIN'

/** @throws AlikeError `archive_unreadable` for what is refused, Error for damage; what the source throws */
export async function* tarEntries(
  source: AsyncIterable<Uint8Array>,
  { headersMax }: TarBounds,
): AsyncGenerator<TarEntry> {
  const reader = new ByteReader(source)
  const extended = new ExtendedHeaders()
  let headers = 0
  try {
    for (;;) {
      const header = await nextHeader(reader)
      if (header === undefined) return
      if (++headers > headersMax) throw tooManyHeaders(headersMax)
      if (isExtension(header.type)) {
        extended.add(header.type, await extensionOf(reader, header))
        continue
      }
      const { stored, sparse, ...entry } = await extended.describe(header, reader)
      const content = new Content(reader, stored)
      if (!aboutArchive.includes(header.type))
        yield { ...entry, content: sparse === undefined ? content.read() : filled(sparse, content.read()) }
      await content.skip()
    }
  } finally {
    await reader.close()
  }
}

/**
 * Two blocks of zeros end an archive. Another archive may be concatenated after them; anything else is whatever the
 * disk or tape happened to hold, and is skipped as every tar does.
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

async function extensionOf(reader: ByteReader, { size }: TarHeader): Promise<Buffer> {
  if (size > extendedHeaderMaxBytes) {
    throw new AlikeError('archive_unreadable', {
      detail: `A header in it has ${size} bytes; at most ${extendedHeaderMaxBytes} are accepted.`,
    })
  }
  const padded = await reader.take(paddedTo(size))
  if (padded.length < paddedTo(size)) throw new Error('it ends in the middle of an extended header')
  return padded.subarray(0, size)
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

/**
 * Sparse files, of which a tar stores only the data between the holes: in old GNU format (map in the header and the
 * blocks after it), pax 0.0 and 0.1 (in the pax header), and pax 1.0 (before the data). They are read whole, with holes
 * as zeros.
 */
import { AlikeError } from '../../errors.js'
import type { ByteReader } from '../byte-reader.js'
import type { PaxValues } from './pax-records.js'
import { blockBytes, numberIn } from './tar-header.js'

/** The stored extents, in order. */
export type SparseMap = readonly { offset: number; bytes: number }[]

export interface Sparse {
  /** Of the whole file. */
  size: number
  /** Undefined if it precedes the data, as in pax 1.0. */
  map: SparseMap | undefined
}

/** Pictures have hardly any holes; a map with this many entries does not belong to a picture. */
const extentsMax = 4_096
const mapMaxBytes = 64 * 1024
const zeros = Buffer.alloc(64 * 1024)

/**
 * `S` of old GNU tar: four extents in the header, then blocks of 21 as long as each says that another follows.
 * @throws Error if there is no end
 */
export async function readOldGnuSparse(header: Buffer, reader: ByteReader): Promise<Sparse> {
  const map = extentsIn(header, 386, 4)
  let more = header[482] === 1
  for (let blocks = 0; more; blocks++) {
    if (21 * blocks > extentsMax) throw new Error('a sparse header has no end')
    const block = await reader.take(blockBytes)
    if (block.length < blockBytes) throw new Error('it ends in the middle of a sparse header')
    map.push(...extentsIn(block, 0, 21))
    more = block[504] === 1
  }
  return { size: numberIn(header, 483, 12), map }
}

function extentsIn(block: Buffer, at: number, count: number): { offset: number; bytes: number }[] {
  const extents = Array.from({ length: count }, (_, n) => ({
    offset: numberIn(block, at + 24 * n, 12),
    bytes: numberIn(block, at + 24 * n + 12, 12),
  }))
  return extents.filter(({ offset, bytes }) => offset > 0 || bytes > 0) // the rest of a block is empty
}

/** @returns undefined if the file is not sparse */
export function paxSparse(pax: PaxValues): Sparse | undefined {
  if (pax.text('GNU.sparse.major') === '1') return { size: pax.number('GNU.sparse.realsize') ?? 0, map: undefined }
  const size = pax.number('GNU.sparse.size')
  if (size === undefined) return undefined
  const listed =
    pax.text('GNU.sparse.map')?.split(',') ?? pax.all('GNU.sparse.offset', 'GNU.sparse.numbytes').map(String)
  return { size, map: pairsOf(listed.map(Number)) }
}

function pairsOf(numbers: readonly number[]): { offset: number; bytes: number }[] {
  return Array.from({ length: Math.ceil(numbers.length / 2) }, (_, n) => ({
    offset: numbers[2 * n]!,
    bytes: numbers[2 * n + 1] ?? Number.NaN,
  }))
}

/**
 * Reconstructs the file from its stored parts.
 * @throws AlikeError `image_unreadable` if the map does not match the file; what the content throws
 */
export async function* filled({ size, map }: Sparse, content: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  const stored = new Stored(content)
  const extents = map ?? (await readMap(stored))
  if (!fits(extents, size)) throw unfit()
  let at = 0
  for (const { offset, bytes } of extents) {
    yield* hole(offset - at)
    yield* stored.next(bytes)
    at = offset + bytes
  }
  yield* hole(size - at)
}

function* hole(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= zeros.length) yield zeros.subarray(0, Math.min(left, zeros.length))
}

/** Decimal numbers, one per line: the number of extents, then their offsets and sizes, padded to whole blocks. */
async function readMap(stored: Stored): Promise<SparseMap> {
  let text = ''
  for (let wanted = 1; ; ) {
    if (text.length >= mapMaxBytes) throw unfit()
    for await (const piece of stored.next(blockBytes)) text += piece.toString('latin1')
    const lines = text.split('\n')
    if (lines.length > 1) wanted = 1 + 2 * Number(lines[0])
    if (!(wanted <= 1 + 2 * extentsMax)) throw unfit()
    if (lines.length > wanted) return pairsOf(lines.slice(1, wanted).map(Number))
  }
}

function fits(extents: SparseMap, size: number): boolean {
  let at = 0
  for (const { offset, bytes } of extents) {
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(bytes) || offset < at || bytes < 0) return false
    at = offset + bytes
  }
  return extents.length <= extentsMax && at <= size
}

class Stored {
  readonly #content: AsyncIterator<Buffer>
  #rest: Buffer = Buffer.alloc(0)

  constructor(content: AsyncIterator<Buffer>) {
    this.#content = content
  }

  async *next(bytes: number): AsyncGenerator<Buffer> {
    for (let left = bytes; left > 0; ) {
      if (this.#rest.length === 0) {
        const { done, value } = await this.#content.next()
        if (done === true) throw unfit()
        this.#rest = value
      }
      const piece = this.#rest.subarray(0, left)
      this.#rest = this.#rest.subarray(piece.length)
      left -= piece.length
      yield piece
    }
  }
}

function unfit(): AlikeError {
  return new AlikeError('image_unreadable', { detail: 'It is a sparse file with an inconsistent map.' })
}

/**
 * Files with holes, of which a tar holds only what lies between them: as GNU tar wrote them at first
 * (in the header and blocks after it), in pax 0.0 and 0.1 (in the pax header), and in pax 1.0 (before
 * the data). Read whole, holes as zeros.
 */
import { AlikeError } from '../../errors.js'
import type { ByteReader } from '../byte-reader.js'
import type { PaxValues } from './pax-records.js'
import { blockBytes, numberIn } from './tar-header.js'

/** What is stored, in its order. */
export type SparseMap = readonly { offset: number; bytes: number }[]

export interface Sparse {
  /** Of the whole file. */
  size: number
  /** Undefined where it lies before the data, as pax 1.0 has it. */
  map: SparseMap | undefined
}

/** Pictures have no holes worth the name; a map of so many is no picture's. */
const extentsMax = 4_096
const mapMaxBytes = 64 * 1024
const zeros = Buffer.alloc(64 * 1024)

/** `S` of old GNU tar: four extents in the header, then blocks of 21, as long as each says that one follows. @throws Error when that has no end */
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

/** @returns undefined when the file is none */
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
 * The file as it was, from what is stored of it.
 * @throws AlikeError `image_unreadable` when the map does not fit the file; what the content throws
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

/** Decimal numbers, a line each: how many extents, then their offsets and sizes, filled up to whole blocks. */
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

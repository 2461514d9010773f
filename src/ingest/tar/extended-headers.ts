/** Describes a tar entry from its own header and the extended headers before it: GNU, pax, and global pax. */

import type { ByteReader } from '../byte-reader.js'
import type { WrittenName } from '../name-encoding.js'
import { type PaxRecord, PaxValues, readPaxRecords } from './pax-records.js'
import { paxSparse, readOldGnuSparse, type Sparse } from './sparse.js'
import type { TarHeader } from './tar-header.js'

export type TarEntryKind = 'file' | 'link' | 'symlink' | 'device' | 'folder' | 'continuation'

export interface EntryDescription {
  name: WrittenName
  kind: TarEntryKind
  /** For a link: its target. */
  target: WrittenName
  /** Of the whole file, including holes that are not stored in the archive. */
  size: number
  /** Bytes of the file that are not stored in the archive. */
  holeBytes: number
  pax: PaxValues
}

export interface Described extends EntryDescription {
  /** Bytes of the entry stored in the archive. */
  stored: number
  sparse?: Sparse | undefined
}

/** Entries without a body, whatever size their header states; a link in a pax archive may have one. */
const kinds: Readonly<Record<string, TarEntryKind>> = {
  1: 'link',
  2: 'symlink',
  3: 'device',
  4: 'device',
  5: 'folder',
  6: 'device',
  M: 'continuation',
}

/** Maximum keys kept from global headers: enough for every meaningful one, and bounded for hostile archives. */
const globalsMax = 100

/** GNU long names (`L`, `K`), pax headers (`x`, Solaris' `X`, `g` for global). */
export function isExtension(type: string): boolean {
  return 'LKxXg'.includes(type)
}

/** Accumulates the headers that precede an entry. */
export class ExtendedHeaders {
  #longName: Buffer | undefined
  #longTarget: Buffer | undefined
  #records: PaxRecord[] | undefined
  #globals: PaxRecord[] = []

  add(type: string, bytes: Buffer): void {
    if (type === 'g') this.#globals = merged(this.#globals, readPaxRecords(bytes))
    else if (type === 'L') this.#longName = untilNul(bytes)
    else if (type === 'K') this.#longTarget = untilNul(bytes)
    else this.#records = readPaxRecords(bytes)
  }

  /** @param reader positioned after the header; continuation blocks are read */
  async describe(header: TarHeader, reader: ByteReader): Promise<Described> {
    const pax = new PaxValues([...this.#globals, ...(this.#records ?? [])])
    const sparse = header.type === 'S' ? await readOldGnuSparse(header.block, reader) : paxSparse(pax)
    const name = this.#name(
      pax,
      sparse === undefined ? ['path'] : ['GNU.sparse.name', 'path'],
      this.#longName ?? header.name,
    )
    const type = typeOf(header, name)
    const stated = pax.number('size') ?? header.size
    const hasBody = type === '1' ? this.#records !== undefined && stated > 0 : !'23456'.includes(type)
    const stored = hasBody ? stated : 0
    const described = {
      name,
      target: this.#name(pax, ['linkpath'], this.#longTarget ?? header.linkName),
      kind: type === '1' && hasBody ? ('file' as const) : (kinds[type] ?? 'file'),
      size: sparse?.size ?? stored,
      holeBytes: Math.max(0, (sparse?.size ?? stored) - stored),
      pax,
      stored,
      sparse,
    }
    this.#records = undefined
    this.#longName = this.#longTarget = undefined
    return described
  }

  /** pax is UTF-8 unless it declares otherwise; other headers declare no encoding. */
  #name(pax: PaxValues, keys: readonly string[], else_: Buffer): WrittenName {
    const bytes = keys.map((key) => pax.bytes(key)).find((value) => value !== undefined)
    if (bytes === undefined) return { bytes: else_ }
    return { bytes, says: pax.text('hdrcharset') === 'BINARY' ? undefined : 'utf-8' }
  }
}

/** v7 has no type for folders, only a trailing slash; a long name that the header cuts off may end in one there. */
function typeOf({ type }: TarHeader, { bytes }: WrittenName): string {
  return type === '0' && bytes.at(-1) === 0x2f ? '5' : type
}

/** Drops records replaced by a later header, so that the list stays short. */
function merged(globals: PaxRecord[], records: PaxRecord[]): PaxRecord[] {
  return [...new Map([...globals, ...records]).entries()].slice(-globalsMax)
}

function untilNul(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0)
  return end === -1 ? bytes : bytes.subarray(0, end)
}

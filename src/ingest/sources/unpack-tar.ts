/**
 * The entries of a tar on disk, uncompressed or packed with gzip or Zstandard, each with its decoded name and its
 * number.
 */
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { headersMaxOf, UnpackedBytes } from '../archive-bounds.js'
import { gunzip } from '../gzip/gunzip.js'
import { type ReadName, readName } from '../name-encoding.js'
import type { SourceDescription, SourceLimits } from '../source.js'
import { type TarEntry, tarEntries } from '../tar/tar-entries.js'
import { unzstd } from '../zstd/unzstd.js'

export interface NamedEntry extends Omit<TarEntry, 'name' | 'target'>, ReadName {
  /** Number of the entry in its archive, from 0. */
  number: number
  /** For a link: the path of its target. */
  target: string
}

export interface Unpacking {
  entries: AsyncIterable<NamedEntry>
  /** Counts towards the bound on everything unpacked. */
  unpacked: UnpackedBytes
  /** Whether data follows the end of the gzip; known once all entries have been read. */
  hasTrailing(): boolean
  /** Bytes of the file read. */
  bytesRead(): number
  destroy(error?: Error): void
}

export function unpackTar(file: string, description: SourceDescription, limits: SourceLimits): Unpacking {
  const { kind } = description
  const reader = createReadStream(file, { highWaterMark: 256 * 1024 })
  let hasTrailing = false
  const unpacker =
    kind === 'tar.gz'
      ? Readable.from(
          gunzip(reader as AsyncIterable<Buffer>, () => {
            hasTrailing = true
          }),
          { objectMode: false },
        )
      : kind === 'tar.zst'
        ? Readable.from(unzstd(reader as AsyncIterable<Buffer>), { objectMode: false })
        : undefined
  reader.on('error', (error) => unpacker?.destroy(error))
  const unpacked = new UnpackedBytes(limits)
  const bytes = unpacked.counted((unpacker ?? reader) as AsyncIterable<Buffer>)
  return {
    entries: named(tarEntries(bytes, { headersMax: headersMaxOf(limits) }), description),
    unpacked,
    hasTrailing: () => hasTrailing,
    bytesRead: () => reader.bytesRead,
    destroy(error) {
      reader.destroy(error)
      unpacker?.destroy(error)
    },
  }
}

async function* named(
  entries: AsyncIterable<TarEntry>,
  { nameEncoding }: SourceDescription,
): AsyncGenerator<NamedEntry> {
  let number = 0
  for await (const entry of entries) {
    yield {
      ...entry,
      ...readName(entry.name, nameEncoding),
      target: readName(entry.target, nameEncoding).path,
      number: number++,
    }
  }
}

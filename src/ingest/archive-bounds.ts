/** How much of an archive is read at most: a few kilobytes can claim to hold terabytes, or millions of files. */
import { AlikeError } from '../errors.js'
import type { SourceLimits } from './source.js'

/** Headers of an archive, those of folders, links and litter included, that come with each file it may hold. */
const headersPerFileMax = 8

/** So many headers are read of an archive: those that lead to no file cost time as well. */
export function headersMaxOf({ ingestMaxFiles }: SourceLimits): number {
  return headersPerFileMax * ingestMaxFiles
}

export function tooManyHeaders(headersMax: number): AlikeError {
  return new AlikeError('archive_unreadable', {
    detail: `It has more than ${headersMax} headers of files, folders and others.`,
  })
}

export function tooManyFiles({ ingestMaxFiles }: SourceLimits): AlikeError {
  return new AlikeError('archive_unreadable', { detail: `It holds more than ${ingestMaxFiles} files.` })
}

/** Counts what is really unpacked, whatever an archive states. */
export class UnpackedBytes {
  readonly #max: number
  #bytes = 0

  constructor({ ingestMaxBytes }: SourceLimits) {
    this.#max = ingestMaxBytes
  }

  /** @throws AlikeError `archive_unreadable` in place of the chunk that is too much; what the stream throws */
  async *counted(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of stream) {
      this.add(chunk.length)
      yield chunk
    }
  }

  /** @throws AlikeError `archive_unreadable` */
  add(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > this.#max)
      throw new AlikeError('archive_unreadable', { detail: `It unpacks to more than ${this.#max} bytes.` })
  }
}

/** Bounds for reading an archive: a few kilobytes can claim to hold terabytes, or millions of files. */
import { AlikeError } from '../errors.js'
import type { SourceLimits } from './source.js'

/** Headers of an archive per file it may hold, including those of folders, links and litter. */
const headersPerFileMax = 8

/** Maximum headers read from an archive: headers that lead to no file take time too. */
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

/** Counts the bytes actually unpacked, whatever an archive states. */
export class UnpackedBytes {
  readonly #max: number
  #bytes = 0

  constructor({ ingestMaxBytes }: SourceLimits) {
    this.#max = ingestMaxBytes
  }

  /** @throws AlikeError `archive_unreadable` in place of the excess chunk; what the stream throws */
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

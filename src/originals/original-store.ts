/** Where pictures are kept as they came, so that a gallery can be embedded again by another network. */
import type { Readable } from 'node:stream'

/** A part of an original, in bytes; both ends belong to it, as in an HTTP range. */
export interface ByteRange {
  first: number
  last: number
}

/**
 * Originals under their content hash: SHA-256 in lower-case hex. A hash is written once and never changes, so every call
 * may be repeated. Nothing here knows which images use an original: `garbage.ts` removes what nobody does.
 */
export interface OriginalStore {
  /**
   * Durable once it resolves. An original that is there already is only made young again, so that it is not taken for
   * garbage before the image that is about to use it is committed.
   * @throws AlikeError `storage_full`
   */
  put(contentHash: string, bytes: Uint8Array): Promise<void>
  /** All of it, held to its hash. @returns undefined when it is not there @throws AlikeError `data_unreadable` when it is damaged */
  get(contentHash: string): Promise<Buffer | undefined>
  /** Bytes; undefined when it is not there. */
  size(contentHash: string): Promise<number | undefined>
  /** A part of it as a stream. The range lies within its size. */
  read(contentHash: string, range: ByteRange): Promise<Readable>
  /** Unless it was put later than `youngerThan`. @returns the bytes that were freed, 0 when it stays or was not there */
  remove(contentHash: string, youngerThan: Date): Promise<number>
  /** Every original there is, in no order. */
  list(): AsyncIterable<{ contentHash: string; bytes: number; putAt: Date }>
}

export const contentHashPattern = /^[0-9a-f]{64}$/

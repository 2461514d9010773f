/** Stores pictures unchanged, so that a gallery can be embedded again with another network. */
import type { Readable } from 'node:stream'
import { AlikeError } from '../errors.js'

/** A byte range of an original; both ends are inclusive, as in an HTTP range. */
export interface ByteRange {
  first: number
  last: number
}

/**
 * Originals by content hash: SHA-256 in lower-case hex. A hash is written once and never changes, so every call may be
 * repeated. The store does not know which images use an original: `garbage.ts` removes unused ones.
 */
export interface OriginalStore {
  /**
   * Durable once it resolves. Storing an existing original renews its age, so that it is not collected before the image
   * about to use it is committed.
   * @throws AlikeError `storage_full`
   */
  put(contentHash: string, bytes: Uint8Array): Promise<void>
  /**
   * The whole original, verified against its hash.
   * @returns undefined if it is missing
   * @throws AlikeError `data_unreadable` if it is damaged, `original_unreadable` if the store does not return it
   */
  get(contentHash: string): Promise<Buffer | undefined>
  /** In bytes; undefined if it is missing. @throws AlikeError `original_unreadable` */
  size(contentHash: string): Promise<number | undefined>
  /** A range as a stream. The range must lie within its size. @throws AlikeError `original_unreadable`, also for a missing one */
  read(contentHash: string, range: ByteRange): Promise<Readable>
  /**
   * Unless it was stored after `youngerThan`.
   * @returns the freed bytes; 0 if it stays or was missing
   * @throws AlikeError `original_unreadable` for one that the store denies
   */
  remove(contentHash: string, youngerThan: Date): Promise<number>
  /** Every original, in no particular order. */
  list(): AsyncIterable<{ contentHash: string; bytes: number; putAt: Date }>
}

/** Who uses a place in which several installations may store files. */
export interface Owners {
  /** Resolves once this installation has its marker there. @throws AlikeError `store_unreachable`, `storage_full` */
  register(): Promise<void>
  /**
   * Whether no other installation uses the place: only then may what this one does not know be deleted.
   * @throws AlikeError `store_unreachable`, `storage_full`
   */
  areAlone(): Promise<boolean>
}

/** Of one whose size was known a moment ago. */
export function originalGone(): AlikeError {
  return new AlikeError('original_unreadable', { detail: 'It is gone.' })
}

export const contentHashPattern = /^[0-9a-f]{64}$/

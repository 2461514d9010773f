/** The originals of pictures, wherever they are: in the store, or in their owner's storage. */
import { AlikeError, hasCode, ignoring } from '../errors.js'
import type { OriginalStore } from './original-store.js'

export interface ImageOriginalsParts {
  /** Default: no originals are kept. */
  originals?: OriginalStore | undefined
  /** Default: references are not followed. */
  references?: References | undefined
}

/** See `ReferencedImages`. */
export interface References {
  expectGiven(reference: string): void
  expectAllowed(reference: string): void
  fetch(
    reference: string,
    options: ReferenceOptions & { contentHash: string; bytes?: number | undefined },
  ): Promise<Buffer>
  /** Without reading it. @throws AlikeError `original_changed` for one of another size; as `fetch` */
  expectSize(reference: string, bytes: number, options: ReferenceOptions): Promise<void>
}

export interface ReferenceOptions {
  signal: AbortSignal
  attempts?: number | undefined
  patienceMs?: number | undefined
}

/** The relevant part of a picture's record. */
export interface OriginalOf {
  contentHash: string
  reference?: string | undefined
  /** Its size; default: unknown. */
  bytes?: number | undefined
  /** Whether a stored original with this content belongs to this gallery: another gallery may have stored the same. */
  isHeld: boolean
}

/**
 * Verified against its hash. From its reference if it is not kept, or what was kept cannot be read.
 * @returns undefined if there is neither
 * @throws AlikeError `data_unreadable` if it is damaged, `original_unreadable`, `original_changed`, `url_*`, `source_*`;
 * the signal's reason
 */
export async function readOriginal(
  { originals, references }: ImageOriginalsParts,
  { contentHash, reference, bytes, isHeld }: OriginalOf,
  options: ReferenceOptions,
): Promise<Buffer | undefined> {
  const kept = isHeld ? originals?.get(contentHash) : undefined
  if (reference === undefined || references === undefined) return kept
  return (
    (await kept?.catch(ignoring('original_unreadable', 'data_unreadable'))) ??
    references.fetch(reference, { contentHash, bytes, ...options })
  )
}

/** Why it cannot be read, as far as known without reading it; undefined if it may be readable. */
export async function originalObstacle(
  { originals, references }: ImageOriginalsParts,
  { contentHash, reference, isHeld }: OriginalOf,
): Promise<AlikeError | undefined> {
  let obstacle = new AlikeError('original_not_kept')
  try {
    if (isHeld && (await originals?.size(contentHash)) !== undefined) return undefined
  } catch (error) {
    if (!hasCode(error, 'original_unreadable')) throw error
    obstacle = error
  }
  if (reference === undefined || references === undefined) return obstacle
  try {
    if (!reference.startsWith('file:')) references.expectAllowed(reference)
    return undefined
  } catch (error) {
    if (error instanceof AlikeError) return error
    throw error
  }
}

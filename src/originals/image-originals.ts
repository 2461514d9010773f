/** What there is of pictures as they came, wherever it is: kept in the store, or with their owner. */
import { AlikeError } from '../errors.js'
import type { OriginalStore } from './original-store.js'

export interface ImageOriginalsParts {
  /** Left out: none are kept. */
  originals?: OriginalStore | undefined
  /** Left out: none are followed. */
  references?: References | undefined
}

/** See `ReferencedImages`. */
export interface References {
  expectGiven(reference: string): void
  expectAllowed(reference: string): void
  fetch(reference: string, options: ReferenceOptions & { contentHash: string }): Promise<Buffer>
}

export interface ReferenceOptions {
  signal: AbortSignal
  attempts?: number | undefined
  patienceMs?: number | undefined
}

/** What is recorded of a picture. */
export interface OriginalOf {
  contentHash: string
  reference?: string | undefined
  /** Whether what is kept under its content is its: another gallery may have kept the same. */
  isHeld: boolean
}

/** Held to its hash. @returns undefined when it is not kept @throws AlikeError `data_unreadable` when it is damaged, `original_changed`, `url_*`, `source_*`; the signal's reason */
export async function readOriginal(
  { originals, references }: ImageOriginalsParts,
  { contentHash, reference, isHeld }: OriginalOf,
  options: ReferenceOptions,
): Promise<Buffer | undefined> {
  const kept = isHeld ? await originals?.get(contentHash) : undefined
  if (kept !== undefined || reference === undefined) return kept
  return references?.fetch(reference, { contentHash, ...options })
}

/** Why it could not be read, as far as that is known without reading it; undefined: it may be. */
export async function originalObstacle(
  { originals, references }: ImageOriginalsParts,
  { contentHash, reference, isHeld }: OriginalOf,
): Promise<AlikeError | undefined> {
  if (isHeld && (await originals?.size(contentHash)) !== undefined) return undefined
  if (reference === undefined || references === undefined) return new AlikeError('original_not_kept')
  try {
    if (!reference.startsWith('file:')) references.expectAllowed(reference)
    return undefined
  } catch (error) {
    if (error instanceof AlikeError) return error
    throw error
  }
}

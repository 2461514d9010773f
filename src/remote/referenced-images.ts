/**
 * Pictures that stay in their owner's storage: behind an address, in an S3 bucket, or in a watched folder. A caller's
 * references are checked against the same lists as fetched addresses; only a folder's own watch may refer to files.
 */
import { contentHashOf } from '../content-hash.js'
import { AlikeError, hasCode } from '../errors.js'
import { attempted } from './attempts.js'
import type { ListedBuckets } from './listed-buckets.js'
import type { RemoteImages } from './remote-images.js'

export type ReferenceOutcome = 'fetched' | 'changed' | 'failed'

export interface ReferencedImagesOptions {
  remote: RemoteImages
  buckets: ListedBuckets
  /**
   * Reads a file of a watched folder.
   * @throws AlikeError `source_not_allowed`, `source_unreadable`, `source_unreachable`, `image_too_large`
   */
  readFile(path: URL, maxBytes: number): Promise<Buffer>
  /** In bytes. @throws AlikeError as `readFile` */
  sizeOfFile(path: URL): Promise<number>
  uploadMaxBytes: number
  /** For a metric. */
  onFetch?: ((outcome: ReferenceOutcome) => void) | undefined
}

export interface ReferenceFetch {
  /** SHA-256 of the picture when it was stored, hex. */
  contentHash: string
  /** Its size then: of a larger one no more is read. Default: the maximum size of a picture. */
  bytes?: number | undefined
  signal: AbortSignal
  /** Attempts at a URL whose host is busy or does not answer. Default 1. */
  attempts?: number | undefined
  /** How long an unresponsive S3 store is retried. Default: as long as in a job. */
  patienceMs?: number | undefined
}

interface ReferencedObject {
  bucket: string
  key: string
}

/** References a caller may give; files are excluded. */
export const referencePattern = '^(https?|s3)://\\S'
export const demandOfReference = 'must begin with https://, http:// or s3://'
export const referenceMaxLength = 2_048

export class ReferencedImages {
  readonly #options: ReferencedImagesOptions

  constructor(options: ReferencedImagesOptions) {
    this.#options = options
  }

  /**
   * Checks a reference given by a caller, or that of an object in a bucket.
   * @throws AlikeError `reference_invalid` for a key whose path is read differently by different stores and proxies; as `expectAllowed`
   */
  expectGiven(reference: string): void {
    const place = placeOf(reference)
    if (place === undefined && reference.startsWith('s3:'))
      throw new AlikeError('reference_invalid', { detail: 'It must be s3://bucket/key.' })
    if (place?.key.split('/').some((segment) => ['', '.', '..'].includes(segment)))
      throw new AlikeError('reference_invalid', { detail: 'Its key has a segment that is empty, "." or "..".' })
    this.expectAllowed(reference)
  }

  /** Checks a stored reference. @throws AlikeError `url_disabled`, `url_not_allowed`, `source_not_allowed` */
  expectAllowed(reference: string): void {
    const { remote, buckets } = this.#options
    const place = placeOf(reference)
    if (place === undefined) remote.expectAllowed(reference)
    else buckets.expectAllowed(place.bucket, place.key)
  }

  /**
   * The whole picture, verified to be unchanged.
   * @throws AlikeError `original_changed`, `url_*`, `source_*`, `image_too_large`; the signal's reason
   */
  async fetch(reference: string, options: ReferenceFetch): Promise<Buffer> {
    const { onFetch, uploadMaxBytes } = this.#options
    const { contentHash, signal, bytes: expected = Infinity } = options
    try {
      const bytes = await this.#read(reference, options).catch((cause: unknown) => {
        const hasGrown = expected <= uploadMaxBytes && hasCode(cause, 'image_too_large')
        throw hasGrown ? new AlikeError('original_changed', { cause }) : cause
      })
      if ((await contentHashOf(bytes)) !== contentHash) throw new AlikeError('original_changed')
      onFetch?.('fetched')
      return bytes
    } catch (error) {
      if (!signal.aborted) onFetch?.(hasCode(error, 'original_changed') ? 'changed' : 'failed')
      throw error
    }
  }

  /**
   * Compares the size with that of the picture when it was stored, without reading it; a server need not state one.
   * @throws AlikeError `original_changed`, `url_*`, `source_*`, `image_too_large`; the signal's reason
   */
  async expectSize(
    reference: string,
    bytes: number,
    options: Pick<ReferenceFetch, 'signal' | 'patienceMs'>,
  ): Promise<void> {
    if (bytes > this.#options.uploadMaxBytes) throw new AlikeError('image_too_large')
    const size = await this.#size(reference, options)
    if (size !== undefined && size !== bytes) throw new AlikeError('original_changed')
  }

  #size(reference: string, options: Pick<ReferenceFetch, 'signal' | 'patienceMs'>): Promise<number | undefined> {
    const { remote, buckets, sizeOfFile } = this.#options
    return this.#asked<number | undefined>(reference, {
      file: sizeOfFile,
      object: ({ bucket, key }) => buckets.size(bucket, key, options),
      url: () => remote.size(reference, options.signal),
    })
  }

  #read(reference: string, { bytes, signal, attempts = 1, patienceMs }: ReferenceFetch): Promise<Buffer> {
    const { remote, buckets, readFile, uploadMaxBytes } = this.#options
    const maxBytes = Math.min(uploadMaxBytes, bytes ?? uploadMaxBytes)
    return this.#asked(reference, {
      file: (path) => readFile(path, maxBytes),
      object: ({ bucket, key }) => buckets.read(bucket, key, { maxBytes, signal, patienceMs }),
      url: () => attempted(() => remote.fetch(reference, signal, atMost(maxBytes)), { attempts, signal }),
    })
  }

  async #asked<Reply>(reference: string, { file, object, url }: Ways<Reply>): Promise<Reply> {
    if (reference.startsWith('file:')) return file(new URL(reference))
    const place = placeOf(reference)
    if (place === undefined) return url()
    this.#options.buckets.expectAllowed(place.bucket, place.key) // the list may have changed by now
    return object(place)
  }
}

/** Of asking whoever keeps what a reference names. */
interface Ways<Reply> {
  file(path: URL): Promise<Reply>
  object(place: ReferencedObject): Promise<Reply>
  url(): Promise<Reply>
}

/** Counts what arrives. @throws AlikeError `image_too_large` */
function atMost(maxBytes: number): (bytes: number) => void {
  let left = maxBytes
  return (bytes) => {
    left -= bytes
    if (left < 0) throw new AlikeError('image_too_large')
  }
}

/** `s3://bucket/key`, with the key unescaped. */
export function objectReference(bucket: string, key: string): string {
  return `s3://${bucket}/${key}`
}

function placeOf(reference: string): ReferencedObject | undefined {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/s.exec(reference) ?? []
  return bucket === undefined || key === undefined ? undefined : { bucket, key }
}

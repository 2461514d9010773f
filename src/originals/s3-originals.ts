/** Originals in an S3 bucket, below a prefix, by content hash. Imports the S3 client, as do the other files named `s3-…`. */
import type { Readable } from 'node:stream'
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { contentHashOf } from '../content-hash.js'
import { AlikeError, hasCode, ignoring } from '../errors.js'
import { type ByteRange, contentHashPattern, type OriginalStore, originalGone } from './original-store.js'
import { answeredBy, unreadable } from './s3-answers.js'
import { isDenied, unlessDenied } from './s3-denied.js'
import type { S3Owners } from './s3-owners.js'
import { pagesBelow } from './s3-pages.js'
import { TurnsByHash } from './turns-by-hash.js'

export interface S3OriginalsOptions extends S3Connection {
  bucket: string
  /** Prefix of every hash, such as `alike/`; may be empty. */
  prefix: string
  /** Told before anything is stored. */
  owners?: Pick<S3Owners, 'register'> | undefined
  /** Shared with others, whose connections are then used. Default: its own. */
  client?: S3Client | undefined
  /** Waits longer: see `patientSilentMs`. Default: `client`, or its own. */
  patient?: S3Client | undefined
}

export interface S3Connection {
  /** For a store other than Amazon's, such as `http://minio:9000`. */
  endpoint?: string | undefined
  region: string
  /** Put the bucket in the path instead of the host name, as most other stores require. */
  forcePathStyle: boolean
  /** Default: the client's own order (environment, files, the machine's role). */
  credentials?: { accessKeyId: string; secretAccessKey: string } | undefined
  /** Time without a byte after which an attempt counts as unanswered. Default 8 s. */
  silentMs?: number | undefined
}

/** Time for a connection. */
const connectMs = 5_000
/** Begins three seconds after the request; all attempts together take a minute, as long as callers usually wait. */
const usualSilentMs = 8_000
const attemptsMax = 5
/**
 * Where a working store may be silent: while a caller reads slowly, while the last bytes of an original are sent over a
 * slow connection, or while a page of a long list is read from disks.
 */
export const patientSilentMs = 60_000

/** The age of an original younger than this is not renewed: half of the minimum age in `garbage.ts`. */
const youngMs = 1_800_000

/**
 * @throws AlikeError `store_unreachable` from every method, `original_unreadable` from those that read or remove an
 * original that the store has archived, or alone denies
 */
export class S3Originals implements OriginalStore {
  readonly #client: S3Client
  readonly #patient: S3Client
  readonly #bucket: string
  readonly #prefix: string
  readonly #owners: S3OriginalsOptions['owners']
  readonly #turns = new TurnsByHash()

  constructor({ bucket, prefix, owners, client, patient = client, ...connection }: S3OriginalsOptions) {
    this.#bucket = bucket
    this.#owners = owners
    this.#prefix = prefix
    this.#client = client ?? s3Client(connection)
    this.#patient = patient ?? s3Client({ silentMs: patientSilentMs, ...connection })
  }

  put(contentHash: string, bytes: Uint8Array): Promise<void> {
    return this.#turns.run(contentHash, () => this.#put(contentHash, bytes))
  }

  async get(contentHash: string): Promise<Buffer | undefined> {
    const answer = await this.#granted(contentHash, () =>
      unlessAbsent(this.#client.send(new GetObjectCommand(this.#place(contentHash)))),
    )
    if (answer?.Body === undefined) return undefined
    const bytes = Buffer.from(await answeredBy('originals', answer.Body.transformToByteArray()))
    if ((await contentHashOf(bytes)) === contentHash) return bytes
    throw new AlikeError('data_unreadable', { detail: `The original ${contentHash} is damaged.` })
  }

  async size(contentHash: string): Promise<number | undefined> {
    return (await this.#found(contentHash))?.bytes
  }

  async read(contentHash: string, { first, last }: ByteRange): Promise<Readable> {
    const range = `bytes=${first}-${last}`
    const answer = await this.#granted(contentHash, () =>
      unlessAbsent(this.#patient.send(new GetObjectCommand({ ...this.#place(contentHash), Range: range }))),
    )
    if (answer === undefined) throw originalGone()
    return answer.Body as Readable
  }

  remove(contentHash: string, youngerThan: Date): Promise<number> {
    return this.#turns.run(contentHash, () => this.#remove(contentHash, youngerThan))
  }

  async *list(): AsyncGenerator<{ contentHash: string; bytes: number; putAt: Date }> {
    const place = { Bucket: this.#bucket, Prefix: this.#prefix }
    for await (const { Contents = [] } of pagesBelow(this.#patient, 'originals', place))
      for (const { Key = '', Size = 0, LastModified = new Date() } of Contents) {
        const contentHash = Key.slice(this.#prefix.length)
        if (contentHashPattern.test(contentHash)) yield { contentHash, bytes: Size, putAt: LastModified }
      }
  }

  /** S3 acknowledges a PUT once the object is durable. */
  async #put(contentHash: string, bytes: Uint8Array): Promise<void> {
    await this.#owners?.register()
    const found = await this.#head(contentHash).catch(ignoring('original_unreadable'))
    if (found?.bytes !== bytes.length) return this.#send(contentHash, bytes)
    if (Date.now() - found.putAt.getTime() <= youngMs) return
    try {
      await this.#renew(contentHash)
    } catch (error) {
      if (!hasCode(error, 'original_unreadable')) throw error
      await this.#send(contentHash, bytes)
    }
  }

  /** Waits long: the request before has shown that the store answers. */
  async #send(contentHash: string, bytes: Uint8Array): Promise<void> {
    const put = new PutObjectCommand({
      ...this.#place(contentHash),
      Body: bytes,
      ContentLength: bytes.length,
      ChecksumSHA256: Buffer.from(contentHash, 'hex').toString('base64'),
    })
    await answeredBy('originals', this.#patient.send(put))
  }

  /** @throws AlikeError `original_unreadable` */
  async #renew(contentHash: string): Promise<void> {
    const place = this.#place(contentHash)
    const copy = new CopyObjectCommand({
      ...place,
      CopySource: `${place.Bucket}/${encodeURIComponent(place.Key)}`,
      MetadataDirective: 'REPLACE', // copying an object onto itself is refused unless something changes
    })
    await this.#granted(contentHash, () => this.#patient.send(copy))
  }

  async #remove(contentHash: string, youngerThan: Date): Promise<number> {
    const found = await this.#found(contentHash)
    if (found === undefined || found.putAt > youngerThan) return 0
    try {
      await answeredBy('originals', this.#client.send(new DeleteObjectCommand(this.#place(contentHash))))
    } catch (error) {
      throw isDenied(error) ? unreadable(error.cause as Error) : error // by a store that has just told its size
    }
    return found.bytes
  }

  /** HEAD answers the same for a missing bucket as for a missing original: it has no body that names which. */
  async #found(contentHash: string): Promise<{ bytes: number; putAt: Date } | undefined> {
    const found = await this.#head(contentHash)
    if (found !== undefined || (await this.get(contentHash)) === undefined) return found
    return this.#head(contentHash) // stored in between
  }

  async #head(contentHash: string): Promise<{ bytes: number; putAt: Date } | undefined> {
    const answer = await this.#granted(contentHash, () =>
      unlessAbsent(this.#client.send(new HeadObjectCommand(this.#place(contentHash)))),
    )
    return answer && { bytes: answer.ContentLength ?? 0, putAt: answer.LastModified ?? new Date() }
  }

  #granted<Answer>(contentHash: string, ask: () => Promise<Answer>): Promise<Answer> {
    const place = this.#place(contentHash)
    return unlessDenied(() => answeredBy('originals', ask()), { client: this.#client, place, prefix: this.#prefix })
  }

  #place(contentHash: string): { Bucket: string; Key: string } {
    return { Bucket: this.#bucket, Key: `${this.#prefix}${contentHash}` }
  }
}

export function s3Client({ endpoint, credentials, silentMs = usualSilentMs, ...connection }: S3Connection): S3Client {
  return new S3Client({
    maxAttempts: attemptsMax,
    // by default it waits for ever
    requestHandler: { connectionTimeout: connectMs, socketTimeout: silentMs },
    ...connection,
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
  })
}

/** Names directly below a prefix, as in a folder. */
export async function foldersBelow(client: S3Client, Bucket: string, Prefix: string): Promise<string[]> {
  const names: string[] = []
  for await (const { CommonPrefixes = [] } of pagesBelow(client, 'originals', { Bucket, Prefix, Delimiter: '/' }))
    for (const { Prefix: whole = '' } of CommonPrefixes) names.push(whole.slice(Prefix.length, -1))
  return names
}

async function unlessAbsent<Value>(work: Promise<Value>): Promise<Value | undefined> {
  try {
    return await work
  } catch (error) {
    if (['NotFound', 'NoSuchKey'].includes((error as Error).name)) return undefined
    throw error
  }
}

/** Uploads of jobs in the bucket of originals, by job id, for whichever process runs the job. */
import { open, stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  type S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { answeredBy, bytesFrom } from './s3-answers.js'
import type { S3Owners } from './s3-owners.js'
import { pagesBelow } from './s3-pages.js'

export interface S3UploadsOptions {
  client: S3Client
  /** Waits longer: stores that keep objects as files copy the parts of an upload before they answer. Default: `client`. */
  joining?: S3Client | undefined
  bucket: string
  /** Prefix of every id. */
  prefix: string
  /** Larger files are sent in parts of this size: a store accepts 10,000 parts, and 5 GiB in one request. */
  partBytes?: number | undefined
  /** Told before anything is stored. Default: nobody else uses the bucket. */
  owners?: Pick<S3Owners, 'register' | 'areAlone'> | undefined
}

interface PutCondition {
  IfNoneMatch?: string
}

const usualPartBytes = 64 * 2 ** 20
/** Of a file or part; as many as the client makes of other requests. */
const attemptsMax = 5
const pauseFirstMs = 100

/** @throws AlikeError `store_unreachable` from every method */
export class S3Uploads {
  readonly #options: S3UploadsOptions
  readonly #client: S3Client

  constructor(options: S3UploadsOptions) {
    this.#options = options
    this.#client = options.client
  }

  /** Durable once it resolves. */
  async put(jobId: string, file: string): Promise<void> {
    await answeredBy('uploads', this.#put(jobId, file, {}))
  }

  /**
   * Like `put`, unless the upload is there already. Stores without conditional writes replace it.
   * @returns whether it was stored; also false if an earlier, unanswered attempt stored it
   */
  async putOnce(jobId: string, file: string): Promise<boolean> {
    const stored = this.#put(jobId, file, { IfNoneMatch: '*' }).then(
      () => true,
      async (error: Error) => {
        if (['PreconditionFailed', 'ConditionalRequestConflict'].includes(error.name)) return false
        if (error.name === 'NotImplemented') return this.#put(jobId, file, {}).then(() => true)
        // a store may refuse before it has read everything, and close the connection before its answer is read
        if (await this.#isThere(jobId)) return false
        throw error
      },
    )
    return answeredBy('uploads', stored)
  }

  /** @returns undefined if it is missing; a stream that may end with `store_unreachable` */
  async get(jobId: string): Promise<Readable | undefined> {
    const got = this.#client.send(new GetObjectCommand(this.#place(jobId))).catch((error: Error) => {
      if (['NotFound', 'NoSuchKey'].includes(error.name)) return undefined
      throw error
    })
    const answer = await answeredBy('uploads', got)
    return answer && bytesFrom('uploads', answer.Body as Readable)
  }

  /** Succeeds even if it is missing. */
  async remove(jobId: string): Promise<void> {
    await answeredBy('uploads', this.#client.send(new DeleteObjectCommand(this.#place(jobId))))
  }

  /** Whether uploads of jobs that this installation does not know may be removed. */
  async areOwn(): Promise<boolean> {
    return (await this.#options.owners?.areAlone()) ?? true
  }

  async *list(): AsyncGenerator<{ jobId: string; putAt: Date }> {
    const { bucket: Bucket, prefix: Prefix } = this.#options
    for await (const { Contents = [] } of pagesBelow(this.#client, 'uploads', { Bucket, Prefix }))
      for (const { Key = '', LastModified = new Date() } of Contents)
        yield { jobId: Key.slice(Prefix.length), putAt: LastModified }
  }

  async #put(jobId: string, file: string, condition: PutCondition): Promise<void> {
    await this.#options.owners?.register()
    const { size } = await stat(file)
    const { partBytes = usualPartBytes } = this.#options
    if (size > partBytes) return this.#putInParts(jobId, file, { size, partBytes, condition })
    await withFile(file, {}, (Body) =>
      this.#client.send(new PutObjectCommand({ ...this.#place(jobId), ...condition, Body, ContentLength: size })),
    )
  }

  async #putInParts(
    jobId: string,
    file: string,
    { size, partBytes, condition }: { size: number; partBytes: number; condition: PutCondition },
  ): Promise<void> {
    const place = this.#place(jobId)
    const { UploadId } = await this.#client.send(new CreateMultipartUploadCommand(place))
    try {
      const Parts: { ETag: string | undefined; PartNumber: number }[] = []
      for (let start = 0; start < size; start += partBytes) {
        const end = Math.min(start + partBytes, size)
        const PartNumber = Parts.length + 1
        const { ETag } = await withFile(file, { start, end: end - 1 }, (Body) =>
          this.#client.send(
            new UploadPartCommand({ ...place, UploadId, PartNumber, Body, ContentLength: end - start }),
          ),
        )
        Parts.push({ ETag, PartNumber })
      }
      const { joining = this.#client } = this.#options
      await joining.send(
        new CompleteMultipartUploadCommand({ ...place, ...condition, UploadId, MultipartUpload: { Parts } }),
      )
    } catch (error) {
      // abandoned parts cost money
      await this.#client.send(new AbortMultipartUploadCommand({ ...place, UploadId })).catch(() => {})
      throw error
    }
  }

  /** False if the store does not answer. */
  #isThere(jobId: string): Promise<boolean> {
    return this.#client.send(new HeadObjectCommand(this.#place(jobId))).then(
      () => true,
      () => false,
    )
  }

  #place(jobId: string): { Bucket: string; Key: string } {
    return { Bucket: this.#options.bucket, Key: `${this.#options.prefix}${jobId}` }
  }
}

/**
 * Sends a file, or a part of it. The client itself repeats only what it has in memory: without this, one answer of a busy store would cost a
 * caller an upload of many gigabytes.
 */
async function withFile<Answer>(
  file: string,
  range: { start?: number; end?: number },
  send: (body: Readable) => Promise<Answer>,
): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    const body = (await open(file)).createReadStream(range)
    // the client does not listen before it sends, and would wait for the rest: an unhandled event would end the process
    const unread = new Promise<never>((_, reject) => body.once('error', reject))
    try {
      return await Promise.race([send(body), unread])
    } catch (error) {
      if (attempt === attemptsMax || !mayPass(error)) throw error
    } finally {
      body.destroy() // the client leaves one open that it could not send, and with it the place of a deleted file on the disk
    }
    await sleep(pauseFirstMs * 2 ** (attempt - 1))
  }
}

/** Whether it is worth another attempt: no answer, too many requests, or a failure of the store. */
function mayPass(error: unknown): boolean {
  const { name, $metadata } = error as Partial<S3ServiceException>
  const status = $metadata?.httpStatusCode ?? 503
  return status === 429 || (status >= 500 && name !== 'NotImplemented')
}

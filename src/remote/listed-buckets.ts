/**
 * Pictures in S3 buckets listed by the owner of the service. Permanent refusals fail immediately; transient errors (no
 * answer, 5xx, throttling) are retried for a while, because a job should survive a restart of the store, and so are
 * refusals of a whole bucket that could be read before.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { S3Client } from '@aws-sdk/client-s3'
import { AlikeError } from '../errors.js'
import { boundedBytes } from './bounded-bytes.js'
import { isOfObject, isRefused, mayBeOfBucket, type StoreError } from './store-errors.js'

export interface ListedBucketsOptions {
  /** `photos, archive/2024/`: whole buckets, or a bucket with a prefix, separated by commas. Empty: nothing is read. */
  ingestS3Buckets: string
  /** Of a store other than Amazon's; empty: Amazon's. */
  ingestS3Endpoint: string
  ingestS3Region: string
  /**
   * In the client's configuration files; empty: the client's default order (environment, files, the machine's role).
   */
  ingestS3Profile: string
  /** How long an unresponsive store is retried. */
  patienceMs?: number | undefined
  /** Time without a byte after which an attempt to read an object counts as unanswered. Default 8 s. */
  silentMs?: number | undefined
  /** For a metric. */
  onRead?: ((outcome: 'read' | 'failed') => void) | undefined
}

export interface BucketObject {
  key: string
  bytes: number
}

export interface ObjectReading {
  maxBytes: number
  signal: AbortSignal
  /** How long an unresponsive store is retried. Default: the common setting. */
  patienceMs?: number | undefined
  /**
   * A prefix that the store has listed before: if it refuses the object, and now also this list, the bucket is away,
   * and is waited for. Default: a refusal concerns the object.
   */
  listedBefore?: string | undefined
}

export interface ListedBuckets {
  /** @throws AlikeError `source_not_allowed` */
  expectAllowed(bucket: string, prefix: string): void
  /** Ordered by key. @throws AlikeError `source_unreadable`, `source_unreachable`; the signal's reason */
  list(bucket: string, prefix: string, signal: AbortSignal): AsyncGenerator<BucketObject[]>
  /** @throws AlikeError `image_too_large`, `source_unreadable`, `source_unreachable`; the signal's reason */
  read(bucket: string, key: string, options: ObjectReading): Promise<Buffer>
  /** In bytes, without reading it. @throws AlikeError `source_unreadable`, `source_unreachable`; the signal's reason */
  size(bucket: string, key: string, options: Pick<ObjectReading, 'signal' | 'patienceMs'>): Promise<number>
  close(): Promise<void>
}

const patienceDefaultMs = 600_000
/** Time for a connection. */
const connectMs = 5_000
/** The client repeats it twice: half a minute in all while a caller waits; jobs are patient. */
const silentDefaultMs = 8_000
/** No caller waits for a list, of which stores that keep objects as files read every entry of a page from disks. */
const listingSilentMs = 60_000
const pauseMaxMs = 30_000

/** The client is a large package, so it is loaded when the first bucket is read. */
export function openListedBuckets(options: ListedBucketsOptions): ListedBuckets {
  const { patienceMs = patienceDefaultMs, onRead } = options
  const places = placesOf(options.ingestS3Buckets)
  let client: Promise<S3Client> | undefined
  let lister: Promise<S3Client> | undefined
  const connected: Connect = () => {
    client ??= connect(options)
    return client
  }
  const listing: Connect = () => {
    lister ??= connect({ ...options, silentMs: listingSilentMs })
    return lister
  }

  return {
    expectAllowed(bucket, prefix) {
      // stores that keep objects as files may follow it
      if (prefix.split('/').includes('..'))
        throw new AlikeError('source_not_allowed', { detail: 'It has a segment "..", which is below no prefix.' })
      if (!places.some((place) => place.bucket === bucket && prefix.startsWith(place.prefix)))
        throw new AlikeError('source_not_allowed', {
          detail:
            places.length === 0
              ? 'No buckets are listed in INGEST_S3_BUCKETS.'
              : 'This bucket, or this part of it, is not listed in INGEST_S3_BUCKETS.',
        })
    },
    list: (bucket, prefix, signal) => listObjects(listing, { bucket, prefix }, { patienceMs, signal }),
    async read(bucket, key, { patienceMs: ofThis = patienceMs, ...reading }) {
      const { signal } = reading
      try {
        const bytes = await readObject(connected, { bucket, key }, { ...reading, patienceMs: ofThis })
        onRead?.('read')
        return bytes
      } catch (error) {
        if (!signal.aborted) onRead?.('failed')
        throw error
      }
    },
    size: (bucket, key, { signal, patienceMs: ofThis = patienceMs }) =>
      objectSize(connected, { bucket, key }, { signal, patienceMs: ofThis }),
    async close() {
      for (const open of [client, lister]) (await open)?.destroy()
    },
  }
}

type Connect = () => Promise<S3Client>

interface Patience {
  patienceMs: number
  signal: AbortSignal
}

async function* listObjects(
  connected: Connect,
  { bucket, prefix }: { bucket: string; prefix: string },
  patience: Patience,
): AsyncGenerator<BucketObject[]> {
  const { ListObjectsV2Command } = await import('@aws-sdk/client-s3')
  for (let token: string | undefined; ; ) {
    const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token })
    const attempt = async () => (await connected()).send(command, { abortSignal: patience.signal })
    const page = await patiently(attempt, { ...patience, what: 'The bucket', isFinal: isRefused })
    yield (page.Contents ?? []).map(({ Key = '', Size = 0 }) => ({ key: Key, bytes: Size }))
    if (page.IsTruncated !== true) return // some stores name a page after the last one too
    token = page.NextContinuationToken
    if (!token) throw new AlikeError('source_unreadable', { detail: 'The list of the bucket breaks off.' })
  }
}

async function readObject(
  connected: Connect,
  { bucket, key }: { bucket: string; key: string },
  { maxBytes, listedBefore, ...patience }: Patience & Pick<ObjectReading, 'maxBytes' | 'listedBefore'>,
): Promise<Buffer> {
  const { GetObjectCommand } = await import('@aws-sdk/client-s3')
  const attempt = async () => {
    const command = new GetObjectCommand({ Bucket: bucket, Key: key })
    const answer = await (await connected()).send(command, { abortSignal: patience.signal })
    const announced = answer.ContentLength ?? 0
    return await boundedBytes(answer.Body as AsyncIterable<Uint8Array>, { announced, maxBytes })
  }
  for (let isThere = false; ; ) {
    try {
      return await patiently(attempt, { ...patience, what: 'The object', isFinal: isOfObject })
    } catch (error) {
      if (isThere || listedBefore === undefined || !mayBeOfBucket((error as Error).cause)) throw error
      // if it is, it may have been away until just now
      isThere = !(await wasAway(connected, { bucket, prefix: listedBefore }, patience))
    }
  }
}

async function objectSize(
  connected: Connect,
  { bucket, key }: { bucket: string; key: string },
  patience: Patience,
): Promise<number> {
  const { HeadObjectCommand } = await import('@aws-sdk/client-s3')
  const attempt = async () => {
    const command = new HeadObjectCommand({ Bucket: bucket, Key: key })
    return (await (await connected()).send(command, { abortSignal: patience.signal })).ContentLength ?? 0
  }
  return patiently(attempt, { ...patience, what: 'The object', isFinal: isOfObject })
}

/** Waits for a bucket that the store refuses to list. @returns whether it did. @throws AlikeError `source_unreachable` */
async function wasAway(
  connected: Connect,
  { bucket, prefix }: { bucket: string; prefix: string },
  patience: Patience,
): Promise<boolean> {
  const { ListObjectsV2Command } = await import('@aws-sdk/client-s3')
  let attempts = 0
  const attempt = async () => {
    attempts += 1
    const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, MaxKeys: 1 })
    await (await connected()).send(command, { abortSignal: patience.signal })
  }
  await patiently(attempt, { ...patience, what: 'The bucket', isFinal: () => false })
  return attempts > 1
}

/** @throws AlikeError `config_invalid` */
function placesOf(list: string): { bucket: string; prefix: string }[] {
  return list
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map((text) => {
      const [, bucket, prefix = ''] = /^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(text) ?? []
      if (bucket === undefined)
        throw new AlikeError('config_invalid', {
          detail: `INGEST_S3_BUCKETS must list buckets, such as photos or archive/2024/, not "${text}".`,
        })
      return { bucket, prefix }
    })
}

async function connect({
  ingestS3Endpoint: endpoint,
  ingestS3Region: region,
  ingestS3Profile: profile,
  silentMs = silentDefaultMs,
}: ListedBucketsOptions): Promise<S3Client> {
  const { S3Client: Client } = await import('@aws-sdk/client-s3')
  return new Client({
    region,
    requestHandler: { connectionTimeout: connectMs, socketTimeout: silentMs }, // by default it waits for ever
    forcePathStyle: endpoint !== '', // most stores other than Amazon's have no host name per bucket
    ...(endpoint !== '' && { endpoint }),
    ...(profile !== '' && { profile }),
  })
}

/** @param isFinal whether a retry would fail in the same way */
async function patiently<Result>(
  work: () => Promise<Result>,
  { patienceMs, signal, what, isFinal }: Patience & { what: string; isFinal: (error: StoreError) => boolean },
): Promise<Result> {
  const givenUpAt = performance.now() + patienceMs
  for (let pauseMs = 500; ; pauseMs = Math.min(2 * pauseMs, pauseMaxMs)) {
    signal.throwIfAborted()
    try {
      return await work()
    } catch (cause) {
      signal.throwIfAborted()
      if (cause instanceof AlikeError) throw cause
      const detail = isRefused(cause as StoreError) ? { detail: `${what}: ${(cause as Error).name}.` } : undefined
      if (isFinal(cause as StoreError)) throw new AlikeError('source_unreadable', { ...detail, cause })
      if (performance.now() + pauseMs > givenUpAt) throw new AlikeError('source_unreachable', { ...detail, cause })
      await sleep(pauseMs, undefined, { signal })
    }
  }
}

/** Uploads of jobs on disk: received as a stream, durable before the job exists, removed when it ends. */
import { createReadStream, createWriteStream } from 'node:fs'
import { readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { crc32 } from 'node:zlib'
import { asStorageError, freeBytes, isNoRoom, isThere, makeFolder, syncFolder } from '../durable-files.js'
import { AlikeError } from '../errors.js'
import { uploadTooLarge } from './read-bounded.js'
import { unlessAborted } from './unless-aborted.js'

/** Size and hash of the received bytes, verified when another process reads them. */
export interface Received {
  bytes: number
  crc32: number
}

/** Storage for uploads that every process can reach, in addition to the receiving process's disk. */
export interface SharedUploads {
  /** Durable once it resolves. */
  put(jobId: string, file: string): Promise<void>
  /** … unless it is there already. @returns whether it was stored */
  putOnce(jobId: string, file: string): Promise<boolean>
  /** @returns undefined if it is missing */
  get(jobId: string): Promise<Readable | undefined>
  remove(jobId: string): Promise<void>
  list(): AsyncIterable<{ jobId: string; putAt: Date }>
  /** Whether those of unknown jobs may be removed: not while another installation stores its uploads there. */
  areOwn(): Promise<boolean>
}

/** Longer than it takes to receive an upload and create its job. */
const strayAgeMs = 86_400_000

export class Spool {
  readonly #folder: string
  readonly #shared: SharedUploads | undefined
  readonly #isOwn: () => Promise<boolean>
  /** Uploads that this process has seen complete in the folder. */
  readonly #seen = new Set<string>()
  /** Those in the folder that the shared storage has too. */
  readonly #copies = new Set<string>()

  /**
   * @param shared omit it if jobs are run by the process that received their uploads, or one that shares its folder
   * @param isOwn whether uploads of unknown jobs may be removed from the folder
   */
  constructor(dataDir: string, shared?: SharedUploads | undefined, isOwn = async () => true) {
    this.#folder = join(dataDir, 'spool')
    this.#shared = shared
    this.#isOwn = isOwn
  }

  /** Path of a job's upload. */
  fileOf(jobId: string): string {
    return join(this.#folder, jobId, 'upload')
  }

  /**
   * Resolves when the bytes and their directory entry are on disk.
   * @throws AlikeError `body_too_large`, `storage_full`; what the stream throws; the signal's reason. Nothing is left
   * behind then.
   */
  async receive(
    jobId: string,
    upload: NodeJS.ReadableStream,
    maxBytes: number,
    signal?: AbortSignal | undefined,
  ): Promise<Received> {
    const folder = join(this.#folder, jobId)
    const received: Received = { bytes: 0, crc32: 0 }
    try {
      await makeFolder(folder)
      const writing = pipeline(
        upload,
        measured(received, maxBytes),
        createWriteStream(this.fileOf(jobId), { flags: 'wx', flush: true }),
        { signal },
      )
      // A source waiting for bytes ends with its connection, which ends with our response, so it is not awaited.
      await (signal === undefined ? writing : unlessAborted(writing, signal))
      await syncFolder(folder)
      await syncFolder(this.#folder)
      return received
    } catch (error) {
      await this.#forget(jobId)
      signal?.throwIfAborted()
      throw asStorageError(error)
    }
  }

  /**
   * Writes the source of a job that determines it itself: all or nothing, and once.
   * @throws AlikeError `storage_full`; what the lines throw; the signal's reason
   */
  async list(jobId: string, lines: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const file = this.fileOf(jobId)
    if (await isThere(file)) return
    try {
      await makeFolder(dirname(file))
      // another process that started the job has already listed it
      const listed = await this.#shared?.get(jobId)
      const write = (from: NodeJS.ReadableStream) =>
        pipeline(from, createWriteStream(`${file}.partial`, { flush: true }), { signal })
      await write(listed ?? Readable.from(lines, { objectMode: false }))
      if (listed === undefined && this.#shared !== undefined) {
        signal.throwIfAborted()
        // before this process reads it: whichever process goes on with the job counts places in one and the same list
        const isOurs = await this.#shared.putOnce(jobId, `${file}.partial`)
        const theirs = isOurs ? undefined : await this.#shared.get(jobId)
        if (theirs !== undefined) await write(theirs)
      }
      await rename(`${file}.partial`, file)
      await syncFolder(dirname(file))
      await syncFolder(this.#folder)
      if (this.#shared !== undefined) this.#copies.add(jobId)
    } catch (error) {
      await this.#forget(jobId) // the job may be run elsewhere
      signal.throwIfAborted()
      throw asStorageError(error)
    }
  }

  /**
   * Called once the upload has been inspected and before its job exists: from then on any process may read it. No copy
   * is kept in the folder, because another process may clean up at the end of the job.
   */
  async share(jobId: string): Promise<void> {
    if (this.#shared === undefined) return void this.#seen.add(jobId)
    await this.#shared.put(jobId, this.fileOf(jobId))
    await this.#forget(jobId)
  }

  /**
   * Fetches an upload that this process may not have received.
   * @param received undefined for jobs of older versions, which did not record it
   * @throws AlikeError `archive_unreadable`, `storage_full`; the signal's reason
   */
  async bring(jobId: string, received: Partial<Received>, signal?: AbortSignal | undefined): Promise<void> {
    if (this.#seen.has(jobId)) return
    const found = (await this.#fetched(jobId, received, signal)) ?? (await this.#onDisk(jobId, received, signal))
    if (received.crc32 !== undefined && (found.bytes !== received.bytes || found.crc32 !== received.crc32))
      throw new AlikeError('archive_unreadable', { detail: 'The upload was damaged in storage; send it again.' })
    this.#seen.add(jobId)
  }

  /** From the shared storage, measured as it arrives; undefined if it is not there. */
  async #fetched(
    jobId: string,
    { bytes = 0 }: Partial<Received>,
    signal: AbortSignal | undefined,
  ): Promise<Received | undefined> {
    const upload = await this.#shared?.get(jobId)
    if (upload === undefined) return undefined
    try {
      await this.#forget(jobId) // an interrupted copy
      await this.#expectRoom(bytes)
      const found = await this.receive(jobId, upload, Number.MAX_SAFE_INTEGER, signal)
      this.#copies.add(jobId)
      return found
    } finally {
      upload.destroy() // with its connection, also if it was not read
    }
  }

  /** Or gigabytes would be fetched in vain, each time the job is tried. @throws AlikeError `storage_full` */
  async #expectRoom(bytes: number): Promise<void> {
    await makeFolder(this.#folder).catch((error: unknown) => Promise.reject(asStorageError(error)))
    if ((await freeBytes(this.#folder)) < bytes)
      throw new AlikeError('storage_full', { detail: `An upload of ${bytes} bytes does not fit on it.` })
  }

  async #onDisk(jobId: string, received: Partial<Received>, signal: AbortSignal | undefined): Promise<Received> {
    const found: Received = { bytes: 0, crc32: 0 }
    try {
      const file = createReadStream(this.fileOf(jobId), {
        highWaterMark: 1 << 18,
        signal,
        end: received.crc32 === undefined ? 0 : Infinity,
      })
      for await (const chunk of file as AsyncIterable<Buffer>) measure(found, chunk)
      return found
    } catch (cause) {
      signal?.throwIfAborted()
      const gone = (cause as NodeJS.ErrnoException).code === 'ENOENT'
      throw new AlikeError('archive_unreadable', {
        detail: gone ? 'The upload is gone; send it again.' : 'The upload cannot be read from the disk; send it again.',
        cause,
      })
    }
  }

  /** Called when another process may go on with the job, and would end it without deleting the copy here. */
  async leave(jobId: string): Promise<void> {
    if (this.#copies.has(jobId)) await this.#forget(jobId)
  }

  async remove(jobId: string): Promise<void> {
    await this.#forget(jobId)
    await this.#shared?.remove(jobId)
  }

  /** Deletes only the copy in the folder. */
  async #forget(jobId: string): Promise<void> {
    this.#seen.delete(jobId)
    this.#copies.delete(jobId)
    await rm(join(this.#folder, jobId), { recursive: true, force: true })
  }

  /** Removes what a crash left behind in the folder: uploads that never became a job, or whose job has ended. */
  async sweep(jobIds: ReadonlySet<string>): Promise<void> {
    try {
      await makeFolder(this.#folder)
    } catch (error) {
      if (isNoRoom(error)) return // the first upload creates it instead: a service with a full disk must be able to start
      throw error
    }
    const unknown = (await readdir(this.#folder)).filter((name) => !jobIds.has(name))
    if (unknown.length > 0 && (await this.#isOwn())) for (const name of unknown) await this.#forget(name)
  }

  /** The same for the shared storage, which may be out of reach. */
  async sweepShared(jobIds: ReadonlySet<string>): Promise<void> {
    if (this.#shared === undefined || !(await this.#shared.areOwn())) return
    for await (const { jobId, putAt } of this.#shared.list())
      if (!jobIds.has(jobId) && Date.now() - putAt.getTime() > strayAgeMs) await this.#shared.remove(jobId)
  }
}

function measured(received: Received, maxBytes: number): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      measure(received, chunk)
      done(received.bytes > maxBytes ? uploadTooLarge(maxBytes) : null, chunk)
    },
  })
}

function measure(received: Received, chunk: Buffer): void {
  received.bytes += chunk.length
  received.crc32 = crc32(chunk, received.crc32)
}

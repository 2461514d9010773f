/**
 * Decodes pictures when decoders and memory are available: in this process on few cores, in separate processes on many.
 */

import type { DecodeEngine } from './decode-engine.js'
import { DecodePermits, type DecodePriority, type PermitOptions } from './decode-permits.js'
import { type DecoderPoolOptions, openDecoderPool } from './decoder-pool.js'
import type { DecodedImage, ImageWork } from './image-work.js'
import { inProcess } from './in-process.js'
import type { PreparedImage, PrepareOptions } from './prepare.js'

/** Number of concurrent decodes and of decoder processes; 0 processes means this one. */
export interface DecodersSize {
  processes: number
  count: number
  /** Of `count`, what jobs leave free for searches while searches come; default 0. */
  kept?: number | undefined
}

export interface DecodersOptions extends DecodersSize, Omit<DecoderPoolOptions, 'imagesAtOnce'> {
  /** Called when a picture has been decoded or refused. */
  onDecoded?: ((where: 'service' | 'process') => void) | undefined
}

/** `waitMs`: waiting for a decoder; `durationMs` excludes it but includes the transfer to and from another process. */
export type PermittedImage = PreparedImage & { waitMs: number }

/** Up to this many cores, threads in one process decode as fast as several processes. */
const coresOfOneProcess = 4
/** While one is being decoded, the next one is ready. */
const imagesPerProcess = 2
/** With fewer decoders, one that is kept free for searches would cost jobs too much. */
const decodersToKeepOne = 4

/** @param cores available to this process */
export function decodersWanted(
  { decoderProcesses, decodeConcurrency }: { decoderProcesses: string; decodeConcurrency: number },
  cores: number,
): DecodersSize {
  const wanted = decoderProcesses === 'auto' ? (cores > coresOfOneProcess ? cores : 0) : Number(decoderProcesses)
  const processes = decodeConcurrency === 0 ? wanted : Math.min(wanted, decodeConcurrency)
  const count = decodeConcurrency || (processes > 0 ? imagesPerProcess * processes : cores)
  const decoders = processes || count
  return { processes, count, kept: decoders < decodersToKeepOne ? 0 : Math.floor(count / decoders) }
}

/** Also starts the processes. @throws AlikeError `internal` if none of them starts */
export async function openDecoders(options: DecodersOptions): Promise<Decoders> {
  const { processes, count } = options
  const engine =
    processes === 0 ? inProcess : await openDecoderPool({ ...options, imagesAtOnce: Math.ceil(count / processes) })
  return new Decoders(engine, options)
}

export class Decoders {
  readonly #engine: DecodeEngine
  readonly #permits: DecodePermits
  readonly #current = new Set<Promise<DecodedImage>>()
  /** Maximum number of concurrent decodes. */
  readonly count: number
  readonly #onDecoded: DecodersOptions['onDecoded']

  constructor(
    engine: DecodeEngine,
    {
      count,
      kept,
      memoryMaxBytes,
      onDecoded,
    }: Pick<DecodersOptions, 'count' | 'kept' | 'memoryMaxBytes' | 'onDecoded'>,
  ) {
    this.#engine = engine
    this.count = count
    this.#onDecoded = onDecoded
    this.#permits = new DecodePermits({ count, kept, maxBytes: memoryMaxBytes })
  }

  /** Waiting pictures. The callers bound this: admitted requests and the window of jobs. */
  get depth(): number {
    return this.#permits.depth
  }

  /** Upper bound of the memory in use by current decodes. */
  get bytesInUse(): number {
    return this.#permits.bytesInUse
  }

  /** Number of ready decoder processes. */
  get processes(): number {
    return this.#engine.processes
  }

  /**
   * @throws AlikeError as `prepareImage` does, `image_too_much_memory`, `image_ended_decoder`, and `overloaded` while
   * no decoder process can be started; the signal's reason when aborted
   */
  async prepare(
    bytes: Uint8Array,
    options: PrepareOptions,
    priority: DecodePriority = 'interactive',
  ): Promise<PermittedImage> {
    const startedAt = performance.now()
    const { waitMs, ...made } = await this.#decode(
      bytes,
      { kind: 'prepare', options },
      { priority, signal: options.signal },
    )
    return { ...made, pixels: made.views[0]!, waitMs, durationMs: performance.now() - startedAt - waitMs }
  }

  /**
   * The copy descriptor of a picture of which only the thumbnail is left; lowest priority.
   * @throws as `prepare` does
   */
  async describeThumbnail(thumbnail: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const { describe } = await this.#decode(thumbnail, { kind: 'describe' }, { priority: 'bulk', signal })
    return describe!()
  }

  /** Call it once nothing uses the decoders any more. */
  close(): Promise<void> {
    return this.#engine.close()
  }

  /** Resolves when no picture is being decoded, not even one that nobody waits for any more. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#current)
  }

  async #decode(
    bytes: Uint8Array,
    work: ImageWork,
    waiting: Omit<PermitOptions, 'bytes'> & { priority: DecodePriority },
  ): Promise<DecodedImage & { waitMs: number }> {
    waiting.signal?.throwIfAborted()
    let waitMs = 0
    const permitted = <Result>(decodeBytes: number, run: () => Promise<Result>): Promise<Result> => {
      const arrivedAt = performance.now()
      return this.#permits.run(
        () => {
          waitMs += performance.now() - arrivedAt
          return run()
        },
        { ...waiting, bytes: decodeBytes },
      )
    }
    const decoding = this.#engine.decode(bytes, work, permitted, waiting.priority)
    this.#current.add(decoding)
    try {
      const made = await decoding
      waiting.signal?.throwIfAborted()
      return { ...made, waitMs }
    } finally {
      this.#current.delete(decoding)
      this.#onDecoded?.(this.#engine.where)
    }
  }
}

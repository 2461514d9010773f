/** Pictures decoded when the decoders and their memory have room for them: in this process on few cores, in processes of their own on many. */

import type { DecodeEngine } from './decode-engine.js'
import { DecodePermits, type PermitOptions } from './decode-permits.js'
import { type DecoderPoolOptions, openDecoderPool } from './decoder-pool.js'
import type { DecodedImage, ImageWork } from './image-work.js'
import { inProcess } from './in-process.js'
import type { PreparedImage, PrepareOptions } from './prepare.js'

/** How many pictures are decoded at once, and in how many processes; 0 is this one. */
export interface DecodersSize {
  processes: number
  count: number
}

export interface DecodersOptions extends DecodersSize, Omit<DecoderPoolOptions, 'imagesAtOnce'> {
  /** A picture was decoded or refused. */
  onDecoded?: ((where: 'service' | 'process') => void) | undefined
}

/** `waitMs`: for a decoder; `durationMs` without it, but with the way to another process and back. */
export type PermittedImage = PreparedImage & { waitMs: number }

/** Up to so many cores, threads of one process decode as much as several processes would. */
const coresOfOneProcess = 4
/** While one is decoded, the next one lies ready. */
const imagesPerProcess = 2

/** @param cores that this process may use */
export function decodersWanted(
  { decoderProcesses, decodeConcurrency }: { decoderProcesses: string; decodeConcurrency: number },
  cores: number,
): DecodersSize {
  const wanted = decoderProcesses === 'auto' ? (cores > coresOfOneProcess ? cores : 0) : Number(decoderProcesses)
  const processes = decodeConcurrency === 0 ? wanted : Math.min(wanted, decodeConcurrency)
  return { processes, count: decodeConcurrency || (processes > 0 ? imagesPerProcess * processes : cores) }
}

/** With its processes started. @throws AlikeError `internal` when none of them starts */
export async function openDecoders(options: DecodersOptions): Promise<Decoders> {
  const { processes, count } = options
  const engine =
    processes === 0 ? inProcess : await openDecoderPool({ ...options, imagesAtOnce: Math.ceil(count / processes) })
  return new Decoders(engine, options)
}

export class Decoders {
  readonly #engine: DecodeEngine
  readonly #permits: DecodePermits
  /** Pictures decoded at once at most. */
  readonly count: number
  readonly #onDecoded: DecodersOptions['onDecoded']

  constructor(
    engine: DecodeEngine,
    { count, memoryMaxBytes, onDecoded }: Pick<DecodersOptions, 'count' | 'memoryMaxBytes' | 'onDecoded'>,
  ) {
    this.#engine = engine
    this.count = count
    this.#onDecoded = onDecoded
    this.#permits = new DecodePermits({ count, maxBytes: memoryMaxBytes })
  }

  /** Pictures waiting. The callers bound it: admitted requests and the window of a job. */
  get depth(): number {
    return this.#permits.depth
  }

  /** What the pictures that are being decoded take at most. */
  get bytesInUse(): number {
    return this.#permits.bytesInUse
  }

  /** Decoder processes that are ready. */
  get processes(): number {
    return this.#engine.processes
  }

  /**
   * @throws AlikeError as `prepareImage`, `image_too_much_memory`, `image_ended_decoder`, and `overloaded` while no decoder
   * process can be started; the signal's reason when aborted
   */
  async prepare(
    bytes: Uint8Array,
    options: PrepareOptions,
    priority?: PermitOptions['priority'],
  ): Promise<PermittedImage> {
    const startedAt = performance.now()
    const { waitMs, ...made } = await this.#decode(
      bytes,
      { kind: 'prepare', options },
      { priority, signal: options.signal },
    )
    return { ...made, pixels: made.views[0]!, waitMs, durationMs: performance.now() - startedAt - waitMs }
  }

  /** The copy descriptor of a picture of which only the thumbnail is left; behind everything else. @throws as `prepare` */
  async describeThumbnail(thumbnail: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const { copyDescriptor } = await this.#decode(thumbnail, { kind: 'describe' }, { priority: 'bulk', signal })
    return copyDescriptor!
  }

  /** Once nobody asks any more. */
  close(): Promise<void> {
    return this.#engine.close()
  }

  async #decode(
    bytes: Uint8Array,
    work: ImageWork,
    waiting: Omit<PermitOptions, 'bytes'>,
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
    try {
      const made = await this.#engine.decode(bytes, work, permitted)
      waiting.signal?.throwIfAborted()
      return { ...made, waitMs }
    } finally {
      this.#onDecoded?.(this.#engine.where)
    }
  }
}

/** Picture in, unit vector out: what embeds pictures with one model. */
import type { EmbeddingInstruments } from '../metrics/embedding.js'
import type { Priority } from './batcher.js'
import type { Embedding } from './embedding.js'
import type { GpuReading } from './gpu-readings.js'
import type { openLone } from './lone-session.js'
import type { Model } from './model-manifest.js'
import type { RuntimeDescription } from './provider.js'
import type { ProviderOptions } from './runtime-plan.js'
import type { Session } from './session.js'

/** The part of pino that is used. */
export interface EmbedderLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface EmbedderOptions extends ProviderOptions {
  /** Pictures that may wait, separately for searches and bulk. */
  maxQueue: number
  /** Opens and measures a session for pictures that are alone; default `openLone`. */
  openLone?: typeof openLone<Session> | undefined
  logger: EmbedderLogger
  metrics: EmbeddingInstruments
}

export interface EmbedOptions {
  /** The caller has disconnected: a waiting picture is dropped, the result of a running one is discarded. */
  signal?: AbortSignal | undefined
  /** Default `interactive`. */
  priority?: Priority
  /** Pictures that the caller embeds at the same time; default 1. */
  together?: number
}

export interface Embedder {
  readonly model: Model
  readonly runtime: RuntimeDescription
  /** Number of pictures waiting, without running ones. */
  readonly queueDepth: number
  /** Warm workers; fewer than `runtime.workers` while a crashed one is being replaced. */
  readonly liveWorkers: number
  /** The GPUs that run the model, as read recently; empty on the CPU, or if they cannot be read. */
  readonly gpus: readonly GpuReading[]
  /**
   * @param pixels [inputSize, inputSize, 3] RGB; copied before this resolves, never changed
   * @throws AlikeError `overloaded`, `shutting_down`, `internal`; the signal's reason when aborted
   */
  embed(pixels: Uint8Array, options?: EmbedOptions): Promise<Embedding>
  /**
   * Announces a search whose picture is still being decoded: bulk leaves workers free for it.
   * @returns to be called once, when the search has been embedded or abandoned
   */
  expectSearch(): () => void
  /** Refuses new pictures, finishes the accepted ones, stops the workers. */
  close(): Promise<void>
}

/**
 * A bounded queue of pictures, from which idle session workers pull batches. Read `embed` for the life of one picture
 * and `#pump` for that of a batch.
 */
import { AlikeError } from '../errors.js'
import type { EmbeddingInstruments } from '../metrics/embedding.js'
import { type Batch, Batcher } from './batcher.js'
import type { Embedder, EmbedderLogger, EmbedderOptions, EmbedOptions } from './embedder.js'
import { type Embedding, rowOf } from './embedding.js'
import { GpuGauge, type GpuReading } from './gpu-readings.js'
import { LoneChoice, openLone } from './lone-session.js'
import type { Model } from './model-manifest.js'
import {
  type ChosenRuntime,
  chooseRuntime,
  describeRuntime,
  expectShapes,
  type RuntimeDescription,
} from './provider.js'
import { Session } from './session.js'
import { SessionPool } from './session-pool.js'
import type { RunResult, SessionSettings } from './worker-protocol.js'

/** Resolves when every worker is warm. @throws AlikeError `cuda_unavailable`, `model_unreadable` */
export async function openEmbedder(options: EmbedderOptions): Promise<Embedder> {
  const chosen = await chooseRuntime(options)
  const embedder = new PooledEmbedder(options, chosen)
  try {
    expectShapes(options.model, chosen)
    await embedder.fill(chosen.plan.lone, options.openLone)
  } catch (error) {
    await embedder.close()
    throw error
  }
  return embedder
}

const workersDown = 'No embedding worker can be started at the moment.'

interface Item {
  pixels: Uint8Array
  queuedAt: number
  resolve(embedding: Embedding): void
  reject(reason: unknown): void
}

class PooledEmbedder implements Embedder {
  readonly model: Model
  runtime: RuntimeDescription
  readonly #batcher: Batcher<Item>
  readonly #pool: SessionPool
  /** A session for a picture that is alone; undefined if a worker is as fast. */
  #lone: { pool: SessionPool; choice: LoneChoice } | undefined
  readonly #logger: EmbedderLogger
  readonly #metrics: EmbeddingInstruments
  readonly #bytesPerImage: number
  readonly #gpus: GpuGauge
  /** Running mean of a worker's time per picture; used for Retry-After. */
  #msPerImage: number
  #running = 0
  #bulkRunning = 0
  #searchesComing = 0
  #closing: Promise<void> | undefined
  #onIdle: (() => void) | undefined

  constructor(options: EmbedderOptions, chosen: ChosenRuntime) {
    const { plan, sessions, info } = chosen
    const { batchSizes, inputSize, padded, sharers } = plan
    this.model = options.model
    this.runtime = describeRuntime(chosen)
    this.#logger = options.logger
    this.#metrics = options.metrics
    this.#bytesPerImage = inputSize ** 2 * 3
    this.#gpus = new GpuGauge(plan.devices, options.cuda?.visibleDevices ?? '')
    this.#msPerImage = info.runMs.at(-1)! / batchSizes.at(-1)!
    this.#batcher = new Batcher({
      batchSizes,
      runMs: info.runMs,
      padded,
      sharers,
      maxQueue: options.maxQueue,
      now: () => performance.now(),
    })
    this.#pool = this.#poolOf(plan.sessions, plan.workers, sessions)
  }

  get queueDepth(): number {
    return this.#batcher.depth
  }

  get liveWorkers(): number {
    return this.#pool.live
  }

  get gpus(): readonly GpuReading[] {
    return this.#gpus.read()
  }

  /**
   * Resolves when every worker is warm.
   * @param lone what may run a picture that is alone
   */
  async fill(lone: readonly SessionSettings[], measure: typeof openLone<Session> = openLone): Promise<void> {
    await this.#pool.fill()
    await this.#openLone(lone, measure)
    this.#announce()
  }

  embed(pixels: Uint8Array, { signal, priority = 'interactive', together = 1 }: EmbedOptions = {}): Promise<Embedding> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      this.#refuseIfUnable(pixels)
      const leave = () => {
        if (this.#batcher.remove(item)) this.#metrics.countDropped()
        reject(signal?.reason)
      }
      const item: Item = {
        pixels,
        queuedAt: performance.now(),
        resolve: (embedding) => {
          signal?.removeEventListener('abort', leave)
          resolve(embedding)
        },
        reject: (reason) => {
          signal?.removeEventListener('abort', leave)
          reject(reason)
        },
      }
      if (!this.#batcher.add(item, priority)) throw this.#overloaded()
      signal?.addEventListener('abort', leave, { once: true })
      if (together > 1 || !this.#pumpAlone()) this.#pump()
    })
  }

  expectSearch(): () => void {
    this.#searchesComing += 1
    return () => {
      this.#searchesComing -= 1
      this.#pump()
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish()
    return this.#closing
  }

  async #finish(): Promise<void> {
    if (this.#running > 0 || this.#batcher.depth > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
    }
    await Promise.all([this.#pool.close(), this.#lone?.pool.close()])
  }

  #poolOf(settings: readonly SessionSettings[], count: number, first: readonly Session[]): SessionPool {
    return new SessionPool(
      {
        settings,
        count,
        onChange: () => this.#pump(),
        onCrash: () => {
          this.#metrics.countWorkerCrash()
          this.#logger.error({}, 'an embedding worker died and is being replaced')
        },
        onOpenFailed: (error, nextTryMs) =>
          this.#logger.error({ err: error, nextTryMs }, 'an embedding worker could not be started'),
      },
      first,
    )
  }

  async #openLone(candidates: readonly SessionSettings[], measure: typeof openLone<Session>): Promise<void> {
    const worker = candidates.length === 0 ? undefined : this.#pool.takeIdle()
    if (worker === undefined) return
    try {
      const lone = await measure(candidates, async (settings) => (await Session.open(settings)).session, worker)
      if (lone === undefined) return
      const { session, ms } = lone
      this.#lone = { pool: this.#poolOf([session.settings], 1, [session]), choice: new LoneChoice(ms) }
      this.runtime = { ...this.runtime, loneThreads: session.settings.threads! }
    } catch (error) {
      this.#logger.warn({ err: error }, 'pictures that are alone are embedded by a worker, with one thread')
    } finally {
      this.#pool.giveBack(worker, true)
    }
  }

  /** Passes waiting pictures to idle workers until one of the two runs out. */
  #pump(): void {
    if (this.#pool.failing) {
      for (const item of this.#batcher.drain()) item.reject(failed(workersDown))
    }
    while (this.#batcher.depth > 0 && !this.#holdsBulkBack()) {
      const session = this.#pool.takeIdle()
      if (session === undefined) break
      void this.#run(session, this.#pool, this.#batcher.take())
    }
    if (this.#running === 0 && this.#batcher.depth === 0) this.#onIdle?.()
  }

  /**
   * Passes a picture that is alone to what is fastest then: nothing else runs, waits or is announced.
   * @returns false if it is not alone, or everything is as fast
   */
  #pumpAlone(): boolean {
    const isAlone =
      this.#running === 0 && this.#batcher.depth === 1 && !this.#batcher.onlyBulk && this.#searchesComing <= 1
    if (!isAlone || this.#lone === undefined) return false
    const { pool, choice } = this.#lone
    const way = choice.choose()
    const chosen = way === 'threads' ? pool : this.#pool
    const session = chosen.takeIdle()
    if (session === undefined) return false
    void this.#run(session, chosen, this.#batcher.take(), (ms) => choice.observe(way, ms))
    return true
  }

  /**
   * While a search is announced, fewer than half of the workers may run bulk, so that it finds a worker and a core; on
   * a GPU, which does not yield, all but one. Bulk loses little: its next pictures are decoded meanwhile. Under a
   * continuous stream of searches bulk would never run, so one worker continues beside them.
   */
  #holdsBulkBack(): boolean {
    if (!this.#batcher.onlyBulk || this.#searchesComing === 0) return false
    const others = this.runtime.workers - 1
    const most = this.runtime.provider === 'cuda' ? others : Math.floor(others / 2)
    return this.#bulkRunning >= (this.#searchesComing === 1 ? most : Math.max(1, most))
  }

  async #run(
    session: Session,
    pool: SessionPool,
    { items, priority, batchSize }: Batch<Item>,
    onRun?: (ms: number) => void,
  ): Promise<void> {
    this.#running += 1
    if (priority === 'bulk') this.#bulkRunning += 1
    this.#metrics.observeBatch(items.length)
    const startedAt = performance.now()
    let succeeded = false
    try {
      const result = await session.run(
        items.map((item) => item.pixels),
        batchSize,
      )
      succeeded = true
      onRun?.(performance.now() - startedAt)
      this.#answer({ items, batchSize }, result, startedAt)
    } catch (cause) {
      this.#logger.error({ err: cause, images: items.length }, 'a batch could not be embedded')
      const error = failed('The model failed on this picture.', cause)
      for (const item of items) item.reject(error)
    } finally {
      this.#running -= 1
      if (priority === 'bulk') this.#bulkRunning -= 1
      pool.giveBack(session, succeeded)
      this.#pump()
    }
  }

  #answer({ items, batchSize }: Pick<Batch<Item>, 'items' | 'batchSize'>, result: RunResult, startedAt: number): void {
    const embedMs = performance.now() - startedAt
    this.#msPerImage += 0.1 * (embedMs / items.length - this.#msPerImage)
    items.forEach((item, row) => {
      const found = rowOf(result, row, batchSize)
      if (found === undefined) return item.reject(failed('The model returned no usable embedding for this picture.'))
      item.resolve({ ...found, queueMs: startedAt - item.queuedAt, embedMs, batchSize: items.length })
    })
  }

  #refuseIfUnable(pixels: Uint8Array): void {
    if (this.#closing !== undefined) throw new AlikeError('shutting_down')
    if (this.#pool.failing) throw failed(workersDown)
    if (pixels.length !== this.#bytesPerImage) {
      throw failed(`The model takes ${this.#bytesPerImage} bytes of pixels, not ${pixels.length}.`)
    }
  }

  #overloaded(): AlikeError {
    const waitMs = (this.#batcher.depth * this.#msPerImage) / this.runtime.workers
    return new AlikeError('overloaded', {
      detail: 'Too many pictures are waiting for the model.',
      retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
    })
  }

  #announce(): void {
    const { provider, precision, ortVersion, fallbackReason } = this.runtime
    const { id, name } = this.model.manifest
    const fellBack = fallbackReason !== undefined
    this.#metrics.setRuntime({ provider, precision, model_id: id, model: name, ort_version: ortVersion }, fellBack)
    if (fellBack) this.#logger.warn({ fallbackReason }, 'CUDA cannot be used; embedding on the CPU')
    this.#logger.info({ model: name, modelId: id, ...this.runtime }, 'embedding runtime chosen')
  }
}

function failed(detail: string, cause?: unknown): AlikeError {
  return new AlikeError('internal', { detail, cause })
}

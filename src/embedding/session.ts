/** The main thread's handle of one session worker: open it warm, run a batch, close it in peace. */
import { Worker } from 'node:worker_threads'
import type { FromWorker, PlaceValues, SessionSettings, ToWorker } from './worker-protocol.js'

export interface SessionInfo {
  ortVersion: string
  embeddingDimension: number
  classCount: number
  warmupMs: number
  /** What a run of each batch size took in the warm-up, in their order. */
  runMs: readonly number[]
  /** Whether runs tell what each place adds. */
  hasMap: boolean
}

export interface RunResult {
  /** [batchSize, embeddingDimension] */
  embeddings: Float32Array
  /** [batchSize, classCount] */
  logits: Float32Array
  /** Only where the session was opened with the map. */
  map?: PlaceValues | undefined
}

/** Why a session could not be opened. Stays inside `embedding/`; `provider.ts` makes an AlikeError of it. */
export class SessionOpenError extends Error {
  readonly providerMissing: boolean

  constructor(reason: string, providerMissing: boolean, cause?: unknown) {
    super(reason, { cause })
    this.name = 'SessionOpenError'
    this.providerMissing = providerMissing
  }
}

interface Pending<Value> {
  resolve(value: Value): void
  reject(error: Error): void
}

export class Session {
  readonly settings: SessionSettings
  /** Settles when the thread has ended, for whatever reason. */
  readonly ended: Promise<void>
  readonly #worker: Worker
  readonly #bytesPerImage: number
  readonly #info: Promise<SessionInfo>
  #alive = true
  #opening: Pending<SessionInfo> | undefined
  /** At most one run is under way. */
  #running: Pending<RunResult> | undefined
  /** One buffer for each batch size; it travels to the worker and comes back with the answer. */
  readonly #buffers = new Map<number, Uint8Array<ArrayBuffer>>()

  private constructor(settings: SessionSettings) {
    this.settings = settings
    this.#bytesPerImage = settings.inputSize ** 2 * 3
    this.#worker = new Worker(new URL('./session-worker.js', import.meta.url), { workerData: settings })
    this.#info = new Promise((resolve, reject) => {
      this.#opening = { resolve, reject }
    })
    this.#worker.on('message', (message: FromWorker) => this.#hear(message))
    let cause: unknown
    this.#worker.on('error', (error) => {
      cause = error
    })
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#alive = false // first: who hears of the failed run must not run here again
        this.#fail('the embedding worker ended unexpectedly', cause)
        resolve()
      })
    })
  }

  /** Resolves when every batch size has been run once. @throws SessionOpenError */
  static async open(settings: SessionSettings): Promise<{ session: Session; info: SessionInfo }> {
    const session = new Session(settings)
    return { session, info: await session.#info }
  }

  get alive(): boolean {
    return this.#alive
  }

  /** @param pictures each [inputSize, inputSize, 3]; copied, so the caller keeps them. */
  async run(images: readonly Uint8Array[], batchSize: number): Promise<RunResult> {
    if (!this.#alive) throw new Error('the embedding worker has ended')
    const pixels = this.#buffers.get(batchSize) ?? new Uint8Array(batchSize * this.#bytesPerImage)
    this.#buffers.delete(batchSize)
    images.forEach((image, row) => pixels.set(image, row * this.#bytesPerImage))
    pixels.fill(0, images.length * this.#bytesPerImage)
    return new Promise((resolve, reject) => {
      this.#running = { resolve, reject }
      this.#tell({ kind: 'run', pixels, batchSize }, [pixels.buffer])
    })
  }

  /** Only between runs. Resolves when the thread has ended. */
  async close(): Promise<void> {
    this.#tell({ kind: 'close' })
    await this.ended
  }

  #tell(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer)
  }

  #hear(message: FromWorker): void {
    if ('pixels' in message) this.#buffers.set(message.pixels.length / this.#bytesPerImage, message.pixels)
    switch (message.kind) {
      case 'ready':
        this.#opening?.resolve(message)
        this.#opening = undefined
        return
      case 'open_failed':
        this.#opening?.reject(new SessionOpenError(message.reason, message.providerMissing))
        this.#opening = undefined
        return
      case 'run_failed':
        this.#fail(message.reason)
        return
      case 'ran': {
        const running = this.#running
        this.#running = undefined
        running?.resolve({ embeddings: message.embeddings, logits: message.logits, map: message.map })
        return
      }
    }
  }

  #fail(reason: string, cause?: unknown): void {
    this.#opening?.reject(new SessionOpenError(reason, false, cause))
    this.#running?.reject(new Error(reason, { cause }))
    this.#opening = undefined
    this.#running = undefined
  }
}

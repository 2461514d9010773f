/** The main thread's handle of one session worker: open it warm, run a batch, close it gracefully. */
import './no-telemetry.js'
import { CalledThread } from '../worker-calls/called-thread.js'
import type { RunResult, SessionCalls, SessionInfo, SessionSettings } from './worker-protocol.js'

/** Why a session could not be opened. Used only inside `embedding/`; `provider.ts` turns it into an AlikeError. */
export class SessionOpenError extends Error {
  readonly providerMissing: boolean

  constructor(reason: string, providerMissing: boolean, cause?: unknown) {
    super(reason, { cause })
    this.name = 'SessionOpenError'
    this.providerMissing = providerMissing
  }
}

export class Session {
  readonly settings: SessionSettings
  readonly #thread: CalledThread<SessionCalls>
  readonly #bytesPerImage: number
  /** One buffer per batch size; it is transferred to the worker and comes back with the answer. */
  readonly #buffers = new Map<number, Uint8Array<ArrayBuffer>>()

  private constructor(settings: SessionSettings) {
    this.settings = settings
    this.#bytesPerImage = settings.inputSize ** 2 * 3
    this.#thread = new CalledThread<SessionCalls>({
      name: 'session',
      file: new URL('./session-worker.js', import.meta.url),
      data: settings,
      onFailure: () => {}, // the pool is told by `ended`
    })
  }

  /** Resolves when every batch size has been run once. @throws SessionOpenError */
  static async open(settings: SessionSettings): Promise<{ session: Session; info: SessionInfo }> {
    const session = new Session(settings)
    const opened = await session.#thread.call('open', undefined).catch((cause: unknown) => {
      throw new SessionOpenError('the embedding worker ended unexpectedly', false, cause)
    })
    if ('info' in opened) return { session, info: opened.info }
    await session.close()
    throw new SessionOpenError(opened.failure.reason, opened.failure.providerMissing)
  }

  get alive(): boolean {
    return this.#thread.alive
  }

  /** Resolves when the thread has exited, for whatever reason. */
  get ended(): Promise<void> {
    return this.#thread.ended
  }

  /**
   * At most one run at a time.
   * @param images each [inputSize, inputSize, 3]; copied, so the caller keeps them
   * @throws AlikeError `internal` if the run fails, or the worker has died
   */
  async run(images: readonly Uint8Array[], batchSize: number): Promise<RunResult> {
    const pixels = this.#buffers.get(batchSize) ?? new Uint8Array(batchSize * this.#bytesPerImage)
    this.#buffers.delete(batchSize) // if the run fails, the buffer stays in the worker
    images.forEach((image, row) => pixels.set(image, row * this.#bytesPerImage))
    pixels.fill(0, images.length * this.#bytesPerImage)
    const answer = await this.#thread.call('run', { pixels, batchSize }, [pixels.buffer])
    this.#buffers.set(batchSize, answer.pixels)
    return answer.result
  }

  /** Only between runs. Resolves when the thread has exited. */
  close(): Promise<void> {
    return this.#thread.close()
  }
}

/**
 * Calls to a worker thread: one promise per call, errors that keep their code, and a dead thread rejects its pending
 * calls instead of leaving them waiting. Each thread declares its calls in one closed table of requests and replies.
 */
import { type TransferListItem, Worker } from 'node:worker_threads'
import { AlikeError } from '../errors.js'
import { type CallTable, expectSendable, type FromThread, type ToThread } from './call-messages.js'

interface Waiting {
  resolve(reply: unknown): void
  reject(error: AlikeError): void
}

export interface CalledThreadOptions {
  /** For error messages: `index`, `writer`. */
  name: string
  file: URL
  /** Passed as the thread's `workerData`. */
  data: unknown
  /** Start with the first call, so that an unused thread costs nothing. Default false: start at once. */
  startsWhenCalled?: boolean | undefined
  /** Called once if the thread exits without having been asked to. */
  onFailure(error: AlikeError): void
}

/** The caller's end of the connection. */
export class CalledThread<Calls extends CallTable> {
  readonly #options: CalledThreadOptions
  readonly #waiting = new Map<number, Waiting>()
  readonly #ended: Promise<void>
  #tellEnd: () => void = () => {}
  #worker: Worker | undefined
  #lastCall = 0
  #closing = false
  #failure: AlikeError | undefined

  constructor(options: CalledThreadOptions) {
    this.#options = options
    this.#ended = new Promise((resolve) => (this.#tellEnd = resolve))
    if (options.startsWhenCalled !== true) this.#worker = this.#start()
  }

  /** The thread accepts calls: it has neither been asked to end nor died. */
  get alive(): boolean {
    return this.#failure === undefined && !this.#closing
  }

  /** Resolves when the thread has exited, for whatever reason. */
  get ended(): Promise<void> {
    return this.#ended
  }

  /** @throws AlikeError what the thread threw, or `internal` if the thread is gone */
  call<Name extends keyof Calls>(
    name: Name,
    request: Calls[Name]['request'],
    transfer: TransferListItem[] = [],
  ): Promise<Calls[Name]['reply']> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (this.#closing) return Promise.reject(new AlikeError('shutting_down'))
    const call = ++this.#lastCall
    return new Promise((resolve, reject) => {
      try {
        expectSendable(request)
        this.#worker ??= this.#start()
        this.#worker.postMessage({ call, name, request } as ToThread<Calls>, transfer)
        this.#waiting.set(call, { resolve, reject })
      } catch (cause) {
        reject(cause instanceof AlikeError ? cause : new AlikeError('internal', { cause }))
      }
    })
  }

  /** Lets pending calls finish; resolves when the thread has exited. */
  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true
      // also if it has failed: after an unreadable message it is still there
      if (this.#worker === undefined) this.#tellEnd()
      else this.#worker.postMessage({ name: null } satisfies ToThread<Calls>)
    }
    await this.#ended
  }

  #start(): Worker {
    const { file, data, name } = this.#options
    const worker = new Worker(file, { workerData: data, name })
    worker.once('exit', () => this.#tellEnd())
    worker.on('message', (answers: FromThread[]) => answers.forEach((answer) => this.#settle(answer)))
    worker.on('error', (error) => this.#fail(error))
    worker.on('messageerror', (error) => this.#fail(error)) // whose it was is not known; `expectSendable` keeps it from happening
    worker.on('exit', () => this.#fail(undefined))
    return worker
  }

  #settle(message: FromThread): void {
    const waiting = this.#waiting.get(message.call)
    this.#waiting.delete(message.call)
    if (waiting === undefined) return
    if ('reply' in message) {
      waiting.resolve(message.reply)
      return
    }
    const { code, reason, ...options } = message.error
    waiting.reject(new AlikeError(code, { ...options, cause: new Error(reason) }))
  }

  #fail(cause: unknown): void {
    if (this.#failure !== undefined || (this.#closing && this.#waiting.size === 0)) return
    this.#failure = new AlikeError('internal', { detail: `The ${this.#options.name} thread has stopped.`, cause })
    for (const { reject } of this.#waiting.values()) reject(this.#failure)
    this.#waiting.clear()
    this.#options.onFailure(this.#failure)
  }
}

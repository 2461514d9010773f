/**
 * Calls to a worker thread: one promise per call, errors that keep their code, and a thread that
 * dies rejects what waits for it instead of leaving it waiting. Each thread names its calls in one
 * closed table of requests and replies.
 */
import { parentPort, receiveMessageOnPort, type TransferListItem, Worker } from 'node:worker_threads'
import { AlikeError, type ErrorCode } from './errors.js'

/** call → what is asked and what is answered; everything in it can be cloned between threads. */
export type CallTable = Record<string, { request: unknown; reply: unknown }>

type CallMessage<Calls extends CallTable> = {
  [Name in keyof Calls]: { call: number; name: Name; request: Calls[Name]['request'] }
}[keyof Calls]
type ToThread<Calls extends CallTable> = CallMessage<Calls> | { name: null }
type FromThread =
  | { call: number; reply: unknown }
  | { call: number; error: { code: ErrorCode; detail?: string; retryAfterSeconds?: number; reason: string } }

/**
 * Objects inside each other that are sent. A thread reads some two thousand before its stack ends, and what it can not
 * read comes without the number of its call: so it is the sender who looks, and one call that fails.
 */
const depthMax = 1_100

/** Answers to calls that lay waiting together go back together, unless that would keep the first of them back for longer. */
const longestGatheringMs = 1

interface Waiting {
  resolve(reply: unknown): void
  reject(error: AlikeError): void
}

export interface CalledThreadOptions {
  /** For error messages: `index`, `writer`. */
  name: string
  file: URL
  /** Cloned into the thread's `workerData`. */
  data: unknown
  /** Called once when the thread ends without having been asked to. */
  onFailure(error: AlikeError): void
}

/** The caller's end. */
export class CalledThread<Calls extends CallTable> {
  readonly #worker: Worker
  readonly #options: CalledThreadOptions
  readonly #waiting = new Map<number, Waiting>()
  readonly #ended: Promise<void>
  #lastCall = 0
  #closing = false
  #failure: AlikeError | undefined

  constructor(options: CalledThreadOptions) {
    this.#options = options
    this.#worker = new Worker(options.file, { workerData: options.data, name: options.name })
    this.#ended = new Promise((resolve) => this.#worker.once('exit', () => resolve()))
    this.#worker.on('message', (answers: FromThread[]) => answers.forEach((answer) => this.#settle(answer)))
    this.#worker.on('error', (error) => this.#fail(error))
    this.#worker.on('messageerror', (error) => this.#fail(error)) // whose it was is not known; `expectSendable` keeps it from happening
    this.#worker.on('exit', () => this.#fail(undefined))
  }

  /** Calls without an answer so far. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Takes calls: it is not asked to end, and has not ended by itself. */
  get alive(): boolean {
    return this.#failure === undefined && !this.#closing
  }

  /** Resolves when the thread has ended, for whatever reason. */
  get ended(): Promise<void> {
    return this.#ended
  }

  /** @throws AlikeError what the thread threw, or `internal` when the thread is gone. */
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
        this.#worker.postMessage({ call, name, request } as ToThread<Calls>, transfer)
        this.#waiting.set(call, { resolve, reject })
      } catch (cause) {
        reject(cause instanceof AlikeError ? cause : new AlikeError('internal', { cause }))
      }
    })
  }

  /** Lets the calls under way finish; resolves when the thread has ended by itself. */
  async close(): Promise<void> {
    if (!this.#closing && this.#failure === undefined) {
      this.#closing = true
      this.#worker.postMessage({ name: null } satisfies ToThread<Calls>)
    }
    await this.#ended
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

/** A reply whose buffers move instead of being copied. */
export class MovedReply<Reply> {
  constructor(
    readonly reply: Reply,
    readonly transfer: ArrayBuffer[],
  ) {}
}

export type Answers<Calls extends CallTable> = {
  [Name in keyof Calls]: (
    request: Calls[Name]['request'],
  ) =>
    | Calls[Name]['reply']
    | MovedReply<Calls[Name]['reply']>
    | Promise<Calls[Name]['reply'] | MovedReply<Calls[Name]['reply']>>
}

/**
 * The thread's end: answers each call, in the order in which the answers are ready. `end` runs
 * when no call is under way any more; after it nothing holds the thread and it ends by itself.
 */
export function answerCalls<Calls extends CallTable>(answers: Answers<Calls>, end: () => void | Promise<void>): void {
  const port = parentPort
  if (port === null) throw new Error('this file runs only as a worker thread')
  let underWay = 0
  let closing = false

  port.on('message', (first: ToThread<Calls>) => {
    const ready: Ready[] = []
    const untilMs = performance.now() + longestGatheringMs
    let message: ToThread<Calls> | undefined = first
    while (message !== undefined) {
      if (message.name === null) {
        closing = true
        break
      }
      answer(message as CallMessage<Calls>, ready)
      message =
        performance.now() < untilMs ? (receiveMessageOnPort(port)?.message as ToThread<Calls> | undefined) : undefined
    }
    if (ready.length > 0) send(ready)
    endWhenIdle()
  })

  /** Most answers are ready at once; only the others are awaited, which keeps the order of messages. */
  function answer({ call, name, request }: CallMessage<Calls>, ready: Ready[]): void {
    try {
      const answered = answers[name](request)
      if (answered instanceof Promise) void answerLater(call, answered)
      else ready.push(readyAnswer(call, answered))
    } catch (error) {
      ready.push(readyError(call, error))
    }
  }

  async function answerLater(call: number, answered: Promise<unknown>): Promise<void> {
    underWay++
    try {
      send([readyAnswer(call, await answered)])
    } catch (error) {
      send([readyError(call, error)])
    } finally {
      underWay--
      endWhenIdle()
    }
  }

  /** An answer that can not be sent is the failure of its own call: then each goes alone. */
  function send(ready: readonly Ready[]): void {
    try {
      port!.postMessage(
        ready.map(({ message }) => message),
        ready.flatMap(({ moved }) => moved),
      )
    } catch (error) {
      const [only] = ready
      if (ready.length === 1) port!.postMessage([readyError(only!.message.call, error).message])
      else for (const one of ready) send([one])
    }
  }

  function endWhenIdle(): void {
    if (closing && underWay === 0) void Promise.resolve(end()).finally(() => port!.close())
  }
}

/** An answer on its way back, with the buffers that move. */
interface Ready {
  message: FromThread
  moved: TransferListItem[]
}

/** @throws AlikeError `internal` for one that the other side could not read */
function readyAnswer(call: number, answered: unknown): Ready {
  const { reply, transfer } = answered instanceof MovedReply ? answered : { reply: answered, transfer: [] }
  expectSendable(reply)
  return { message: { call, reply: reply as unknown }, moved: transfer }
}

function readyError(call: number, error: unknown): Ready {
  return { message: { call, error: describeError(error) }, moved: [] }
}

function expectSendable(value: unknown): void {
  if (isDeeperThan(value, depthMax))
    throw new AlikeError('internal', {
      cause: new Error(`what is sent to or from a thread is nested deeper than ${depthMax}`),
    })
}

/** Recurses no deeper than it looks. */
function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false
  if (levels === 0) return true
  if (Array.isArray(value)) {
    for (const one of value) if (typeof one === 'object' && isDeeperThan(one, levels - 1)) return true
    return false
  }
  for (const name in value) if (isDeeperThan((value as Record<string, unknown>)[name], levels - 1)) return true
  return false
}

function describeError(error: unknown) {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
  if (!(error instanceof AlikeError)) return { code: 'internal' as const, reason }
  return {
    code: error.code,
    reason: error.cause instanceof Error ? `${reason}\ncaused by ${error.cause.stack}` : reason,
    ...(error.detail !== undefined && { detail: error.detail }),
    ...(error.retryAfterSeconds !== undefined && { retryAfterSeconds: error.retryAfterSeconds }),
  }
}

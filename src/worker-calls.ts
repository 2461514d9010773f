/**
 * Calls to a worker thread: one promise per call, errors that keep their code, and a dead thread rejects its pending
 * calls instead of leaving them waiting. Each thread declares its calls in one closed table of requests and replies.
 */
import { parentPort, receiveMessageOnPort, type TransferListItem, Worker } from 'node:worker_threads'
import { AlikeError, type ErrorCode } from './errors.js'

/** call → request and reply; both must be structured-cloneable. */
export type CallTable = Record<string, { request: unknown; reply: unknown }>

type CallMessage<Calls extends CallTable> = {
  [Name in keyof Calls]: { call: number; name: Name; request: Calls[Name]['request'] }
}[keyof Calls]
type ToThread<Calls extends CallTable> = CallMessage<Calls> | { name: null }
type FromThread =
  | { call: number; reply: unknown }
  | { call: number; error: { code: ErrorCode; detail?: string; retryAfterSeconds?: number; reason: string } }

/**
 * Maximum nesting of what is sent. A thread overflows its stack at about two thousand levels, and what it cannot
 * deserialise arrives without a call number; so the sender checks, and only that call fails.
 */
const depthMax = 1_100

/** Replies to calls that were queued together are sent together, unless that would delay the first of them. */
const longestGatheringMs = 1

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
  /** Called once if the thread exits without having been asked to. */
  onFailure(error: AlikeError): void
}

/** The caller's end of the connection. */
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

  /** Number of calls without a reply. */
  get waiting(): number {
    return this.#waiting.size
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
        this.#worker.postMessage({ call, name, request } as ToThread<Calls>, transfer)
        this.#waiting.set(call, { resolve, reject })
      } catch (cause) {
        reject(cause instanceof AlikeError ? cause : new AlikeError('internal', { cause }))
      }
    })
  }

  /** Lets pending calls finish; resolves when the thread has exited. */
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

/** A reply whose buffers are transferred instead of copied. */
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
 * The thread's end of the connection: answers each call, in the order in which replies are ready. `end` runs once no
 * call is in progress; after that nothing keeps the thread alive.
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

  /** Most replies are ready at once; only the others are awaited, which keeps the order of messages. */
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

  /** If a batch of replies cannot be sent, each is sent alone, so that only the faulty call fails. */
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

/** A reply on its way back, with the buffers to transfer. */
interface Ready {
  message: FromThread
  moved: TransferListItem[]
}

/** @throws AlikeError `internal` for a message that the other side could not read */
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

/** Recurses no deeper than the limit it checks. */
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

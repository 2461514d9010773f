/** The thread's end of the connection: its answers, and how errors and buffers travel back. */
import { type MessagePort, parentPort, receiveMessageOnPort, type TransferListItem } from 'node:worker_threads'
import { AlikeError } from '../errors.js'
import { type CallMessage, type CallTable, expectSendable, type FromThread, type ToThread } from './call-messages.js'

/** Replies to calls that were queued together are sent together, unless that would delay the first of them. */
const longestGatheringMs = 1

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
    if (ready.length > 0) send(port, ready)
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
      send(port!, [readyAnswer(call, await answered)])
    } catch (error) {
      send(port!, [readyError(call, error)])
    } finally {
      underWay--
      endWhenIdle()
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

/** If a batch of replies cannot be sent, each is sent alone, so that only the faulty call fails. */
function send(port: MessagePort, ready: readonly Ready[]): void {
  try {
    port.postMessage(
      ready.map(({ message }) => message),
      ready.flatMap(({ moved }) => moved),
    )
  } catch (error) {
    const [only] = ready
    if (ready.length === 1) port.postMessage([readyError(only!.message.call, error).message])
    else for (const one of ready) send(port, [one])
  }
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

/** What is left of an error on its way to another thread or process. */
export function describeError(error: unknown) {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
  if (!(error instanceof AlikeError)) return { code: 'internal' as const, reason }
  return {
    code: error.code,
    reason: error.cause instanceof Error ? `${reason}\ncaused by ${error.cause.stack}` : reason,
    ...(error.detail !== undefined && { detail: error.detail }),
    ...(error.retryAfterSeconds !== undefined && { retryAfterSeconds: error.retryAfterSeconds }),
  }
}

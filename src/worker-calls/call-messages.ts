/** The messages between the two ends of a connection to a worker thread. */
import { AlikeError, type ErrorCode } from '../errors.js'

/** call → request and reply; both must be structured-cloneable. */
export type CallTable = Record<string, { request: unknown; reply: unknown }>

export type CallMessage<Calls extends CallTable> = {
  [Name in keyof Calls]: { call: number; name: Name; request: Calls[Name]['request'] }
}[keyof Calls]
export type ToThread<Calls extends CallTable> = CallMessage<Calls> | { name: null }
export type FromThread =
  | { call: number; reply: unknown }
  | { call: number; error: { code: ErrorCode; detail?: string; retryAfterSeconds?: number; reason: string } }

/**
 * Maximum nesting of what is sent. A thread overflows its stack at about two thousand levels, and what it cannot
 * deserialise arrives without a call number; so the sender checks, and only that call fails.
 */
const depthMax = 1_100

export function expectSendable(value: unknown): void {
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

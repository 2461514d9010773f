/** What errors of PostgreSQL mean to callers. */
import { AlikeError } from '../errors.js'

/**
 * SQLSTATEs of a transaction that was aborted, with nothing changed, because of others: to resolve a deadlock, or because
 * it could not be serialised. Repeated, it may succeed.
 */
const conflicts = ['40P01', '40001']
/** SQLSTATE of a statement in a transaction in which an earlier one has failed. */
export const failed = '25P02'
/** SQLSTATE of a row that belongs to one that has just been removed. */
export const ownerGone = '23503'

/** SQLSTATE of a write on a server that only reads: a standby during a failover, or one whose disk is nearly full. */
const readOnly = '25006'

/**
 * SQLSTATE classes of a server that is absent, starting, stopping, out of memory or connections, or slower than its
 * administrator allows; and of one out of space.
 */
const awayStates = /^(08|57P0[1-5]|53[234]00|57014|55P03|25P0[34])/
const full = '53100'
const awayCodes = [
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EPIPE',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOENT',
]
/** Errors that pg reports only as text. */
const awayTexts = /Connection terminated|timeout exceeded|Query read timeout|not queryable/

export function isConflict(error: unknown): boolean {
  return conflicts.includes(String((error as { code?: unknown } | undefined)?.code))
}

/** Any other error is a bug and thrown unchanged. */
export function asStoreError(error: unknown): unknown {
  if (error instanceof AlikeError || !(error instanceof Error)) return error
  const { code = '' } = error as { code?: string }
  if (code === full) return new AlikeError('storage_full', { cause: error })
  if (awayStates.test(code) || code === readOnly || awayCodes.includes(code) || awayTexts.test(error.message))
    return unreachable(error)
  return error
}

export function unreachable(cause: unknown): AlikeError {
  return new AlikeError('store_unreachable', { cause, retryAfterSeconds: 5 })
}

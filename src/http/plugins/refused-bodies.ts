/**
 * What is left of a body that is refused before it was read. Closing a connection with unread bytes resets it, and
 * the reset may overtake the answer: a proxy in between then reports 502 instead of the refusal (RFC 9112, section 9.6).
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'

/** Time for the rest of a refused body, milliseconds; a connection whose client is still sending then is closed. */
const restOfBodyMs = 5_000

/** Statuses of refusals while a body is still being sent: for what it contains, or for lack of room. */
const whileSent: ReadonlySet<number> = new Set([400, 413, 422, 507])

export interface RefusedBodiesOptions {
  /** Time for the rest of a body that nobody reads. */
  bodyTimeoutMs: number
  /** Default 5 s. */
  restMs?: number
}

/**
 * Reads and discards the rest of a body that was refused while it was sent, so that the refusal arrives and the
 * connection stays usable.
 */
export function discardRefusedBodies(
  app: FastifyInstance,
  { bodyTimeoutMs, restMs = restOfBodyMs }: RefusedBodiesOptions,
): void {
  app.addHook('onSend', async ({ raw, problemCode }, reply) => {
    // other refusals with 429 are for clients that send too many requests, and no one has begun to read their bodies
    const isFull = problemCode === 'job_queue_full' || (problemCode === 'overloaded' && raw.readableFlowing !== null)
    const isWhileSent = whileSent.has(reply.statusCode) || isFull
    if (!isWhileSent || reply.getHeader('connection') !== 'close' || raw.complete || raw.destroyed) return
    reply.removeHeader('connection')
    raw.unpipe()
    raw.resume()
    closeUnlessEnded(raw, restMs)
  })
  // For want of a key, a route or a use for it nobody reads it, and Node discards it for as long as it arrives.
  app.addHook('onResponse', async ({ raw }) => {
    if (!raw.complete) closeUnlessEnded(raw, bodyTimeoutMs)
  })
}

function closeUnlessEnded(raw: IncomingMessage, afterMs: number): void {
  const timer = setTimeout(() => raw.destroy(), afterMs).unref()
  for (const event of ['end', 'close']) raw.once(event, () => clearTimeout(timer))
}

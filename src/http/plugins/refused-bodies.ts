/**
 * What is left of a body that is refused before it was read. Closing a connection with unread bytes resets it, and
 * the reset may overtake the answer: a proxy in between then reports 502 instead of the refusal (RFC 9112, section 9.6).
 */
import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'

/** Time for the rest of a refused body, milliseconds; a connection whose client is still sending then is closed. */
const restOfBodyMs = 5_000

export interface RefusedBodiesOptions {
  /** Time for the rest of a body that nobody reads. */
  bodyTimeoutMs: number
  /** Default 5 s. */
  restMs?: number
}

/**
 * Reads and discards the rest of a body that somebody had begun to read, or whose refusal would close the connection, so
 * that the answer arrives and the connection stays usable. A client that was too slow gets no further time.
 */
export function discardRefusedBodies(
  app: FastifyInstance,
  { bodyTimeoutMs, restMs = restOfBodyMs }: RefusedBodiesOptions,
): void {
  app.addHook('onSend', async ({ raw }, reply) => {
    if (raw.complete || raw.destroyed) return
    if (reply.statusCode === 408) return void reply.header('connection', 'close')
    const isNodesToDiscard = raw.readableFlowing === null && reply.getHeader('connection') !== 'close'
    if (isNodesToDiscard) return
    reply.removeHeader('connection')
    reply.raw.removeHeader('connection')
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

/** Tells the work behind a request that nobody waits for it any more. */
import type { FastifyReply } from 'fastify'

/**
 * Aborted when the connection closes before the answer is out. (Fastify's own `request.signal` also
 * aborts when a body has merely been read to its end.)
 */
export function clientGone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort()
  })
  return controller.signal
}

/** Tells the work behind a request that nobody waits for it any more. */
import type { FastifyReply } from 'fastify'

/** Calls it once when the connection has taken the answer or is gone; at once where it is gone already, as `close` comes only once. */
export function whenGone({ raw }: Pick<FastifyReply, 'raw'>, call: () => void): void {
  if (raw.closed) call()
  else raw.once('close', call)
}

/**
 * Aborted when the connection closes before the answer is out. (Fastify's own `request.signal` also
 * aborts when a body has merely been read to its end.)
 */
export function clientGone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  whenGone(reply, () => {
    if (!reply.raw.writableFinished) controller.abort()
  })
  return controller.signal
}

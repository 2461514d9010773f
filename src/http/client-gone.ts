/** Tells the work behind a request that nobody is waiting for it any more. */
import type { FastifyReply } from 'fastify'

/** Every plugin that a request passes may listen; above the default of 10 Node.js warns of a leak. */
const listenersMax = 50

/**
 * Calls back once when the connection has sent the answer or is gone; at once if it is already gone, because `close` is
 * emitted only once.
 */
export function whenGone({ raw }: Pick<FastifyReply, 'raw'>, call: () => void): void {
  if (raw.closed) call()
  else raw.setMaxListeners(listenersMax).once('close', call)
}

/** Resolves when the connection has sent the answer or is gone. */
export function gone(reply: Pick<FastifyReply, 'raw'>): Promise<void> {
  return new Promise((resolve) => whenGone(reply, resolve))
}

/**
 * Aborted when the connection closes before the answer is sent. (Fastify's own `request.signal` also aborts when a body
 * has merely been read completely.)
 */
export function clientGone(reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  whenGone(reply, () => {
    if (!reply.raw.writableFinished) controller.abort()
  })
  return controller.signal
}

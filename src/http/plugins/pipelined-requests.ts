/**
 * Requests that arrive on a connection before the previous one is answered (pipelining). Node begins them all at once, so
 * that one connection could begin thousands, and what waits behind a stream of events would keep its place among
 * `REQUESTS_MAX` for as long as that lasts.
 */
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { AlikeError } from '../../errors.js'
import { gone } from '../client-gone.js'

/** Maximum number of answers that a connection may owe. */
const owedMax = 64

interface Turns {
  owed: number
  /** Resolves when the newest of them has been sent, or the connection is gone. */
  last: Promise<void>
}

/** One after another, also as RFC 9112 (section 9.3.2) requires of requests that change something. */
export function takeTurns(app: FastifyInstance): void {
  const turnsOf = new WeakMap<Socket, Turns>()
  app.addHook('onRequest', async ({ raw: { socket } }, reply) => {
    const turns = turnsOf.get(socket) ?? { owed: 0, last: Promise.resolve() }
    turnsOf.set(socket, turns)
    const { owed, last } = turns
    turns.owed += 1
    turns.last = gone(reply).then(() => void (turns.owed -= 1))
    if (owed >= owedMax) {
      reply.header('connection', 'close')
      throw new AlikeError('overloaded', {
        detail: `${owedMax} requests of this connection are waiting for their answers.`,
        retryAfterSeconds: 1,
      })
    }
    if (owed > 0) await last
    if (socket.destroyed) return reply.hijack() // nobody is left to answer
  })
}

/** What requests get while the service shuts down. */
import type { FastifyInstance } from 'fastify'
import { AlikeError } from '../../errors.js'

/** Accepted requests are finished; further ones on open connections are told to go elsewhere. */
export function refuseWhileClosing(app: FastifyInstance): void {
  let closing = false
  app.addHook('preClose', async () => {
    closing = true
  })
  app.addHook('onRequest', async (_request, reply) => {
    if (!closing) return
    reply.header('connection', 'close')
    throw new AlikeError('shutting_down')
  })
}

/** The end of the service, as requests meet it. */
import type { FastifyInstance } from 'fastify'
import { AlikeError } from '../../errors.js'

/** What was accepted before is finished; what comes after on an open connection is sent elsewhere. */
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

/** What requests get while the service shuts down. */
import type { FastifyInstance } from 'fastify'
import { AlikeError } from '../../errors.js'

/** Accepted requests are finished; further ones on open connections are told to go elsewhere. */
export function refuseWhileClosing(app: FastifyInstance): void {
  let closing = false
  app.addHook('preClose', async () => {
    closing = true
  })
  app.addHook('onRequest', async () => {
    if (closing) throw new AlikeError('shutting_down')
  })
  app.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close')
  })
  // those that were promised to stay open: for an answer that had begun before, or while a refused body is discarded
  app.addHook('onResponse', async ({ raw }) => {
    if (!closing) return
    app.server.closeIdleConnections()
    if (!raw.complete) raw.once('end', () => app.server.closeIdleConnections())
  })
}

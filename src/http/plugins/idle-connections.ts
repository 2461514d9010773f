/** Which idle connections are closed: not those whose callers wait for us. */
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/**
 * Node.js closes a connection on which nothing has moved for `connectionTimeout`, even while a complete request is being
 * worked on. Copying a large upload to the bucket, or deleting many pictures, takes longer: the caller would get no answer
 * and send everything again. With a listener of the answer, the listener decides.
 */
export function keepWhileWorking(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ raw: request }, { raw: answer }) => {
    answer.on('timeout', (connection: Socket) => {
      if (!request.complete || answer.headersSent) connection.destroy()
    })
  })
}

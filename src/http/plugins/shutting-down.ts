/** What requests get while the service shuts down. */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { AlikeError } from '../../errors.js'

export interface ShuttingDownOptions {
  shutdownGraceMs: number
}

/** For requests on their way; a client that sends one after another learns from an answer that its connection ends. */
const farewellMaxMs = 200

/** Accepted requests are finished; further ones on open connections are told to go elsewhere. */
export function refuseWhileClosing(app: FastifyInstance, { shutdownGraceMs }: ShuttingDownOptions): void {
  // most of a short grace period is for accepted work, too
  const farewellMs = Math.min(farewellMaxMs, shutdownGraceMs / 5)
  let state: 'open' | 'leaving' | 'closing' = 'open'
  const closeIdle = () => {
    if (state === 'closing') app.server.closeIdleConnections()
  }
  app.addHook('preClose', async () => {
    state = 'leaving'
    // closing resets idle connections, with whatever has arrived on them but was not read
    if (await hasConnections(app)) {
      await sleep(farewellMs)
      await setImmediate() // a busy thread would otherwise close before it reads
    }
    state = 'closing'
  })
  app.addHook('onRequest', async ({ routeOptions }) => {
    if (state === 'closing' || (state === 'leaving' && routeOptions.url === '/readyz'))
      throw new AlikeError('shutting_down')
  })
  app.addHook('onSend', async (_request, reply) => {
    if (state !== 'open') reply.header('connection', 'close')
  })
  // those that were promised to stay open: for an answer that had begun before, or while a refused body is discarded
  app.addHook('onResponse', async ({ raw }) => {
    closeIdle()
    if (!raw.complete) raw.once('end', closeIdle)
  })
}

function hasConnections({ server }: FastifyInstance): Promise<boolean> {
  return new Promise((resolve) => server.getConnections((_error, count) => resolve(count > 0)))
}

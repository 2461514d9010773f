/**
 * Admission of requests that cost a decode and a model run: a maximum number at once, further ones are refused before
 * their body is read.
 */
import type { FastifyInstance } from 'fastify'
import { AlikeError } from '../../errors.js'
import { whenGone } from '../client-gone.js'

export interface AdmissionOptions {
  /** Maximum number of requests in progress. */
  requestsMax: number
}

export interface Admission {
  /** Places in use. */
  inFlight(): number
  /**
   * Takes one more place for a request that does the work of several; undefined if none is free.
   * @returns a function that releases it
   */
  tryEnter(): (() => void) | undefined
}

export function limitConcurrency(scope: FastifyInstance, { requestsMax }: AdmissionOptions): Admission {
  let admitted = 0
  scope.addHook('onRequest', async (_request, reply) => {
    if (admitted >= requestsMax) {
      throw new AlikeError('overloaded', {
        detail: `${requestsMax} requests are already being processed.`,
        retryAfterSeconds: 1,
      })
    }
    admitted += 1
    whenGone(reply, () => {
      admitted -= 1
    })
  })
  return {
    inFlight: () => admitted,
    tryEnter() {
      if (admitted >= requestsMax) return undefined
      admitted += 1
      return () => {
        admitted -= 1
      }
    },
  }
}

/**
 * Each connection costs a file descriptor, even without requests: beyond the limit it is closed before anything is read
 * from it.
 * @returns a reading of how many are open
 */
export function limitConnections(
  app: FastifyInstance,
  { connectionsMax, onRefusal }: { connectionsMax: number; onRefusal(): void },
): () => number {
  let open = 0
  app.server.maxConnections = connectionsMax
  app.server.on('drop', onRefusal)
  app.server.on('connection', (socket) => {
    open += 1
    socket.once('close', () => {
      open -= 1
    })
  })
  return () => open
}

/**
 * Clients that ask before they send (`Expect: 100-continue`) are told to continue only when the body is about to be
 * read, so that a refused upload is never sent.
 */
export function continueWhenAdmitted(app: FastifyInstance): void {
  const asking = new WeakSet<object>()
  app.server.on('checkContinue', (incoming, outgoing) => {
    asking.add(incoming)
    app.server.emit('request', incoming, outgoing)
  })
  app.addHook('preParsing', async (request, reply) => {
    if (asking.delete(request.raw)) reply.raw.writeContinue()
  })
}

/** A body that trickles in would occupy its place indefinitely: its connection is closed. */
export function limitBodyTime(scope: FastifyInstance, { bodyTimeoutMs }: { bodyTimeoutMs: number }): void {
  scope.addHook('preParsing', async ({ raw, log }) => {
    if (raw.readableEnded || raw.complete) return
    const timer = setTimeout(() => {
      log.info({ bodyTimeoutMs }, 'the body did not arrive in time')
      raw.destroy()
    }, bodyTimeoutMs).unref()
    for (const event of ['end', 'close']) raw.once(event, () => clearTimeout(timer))
  })
}

/**
 * Admission of requests that cost a decode and a model run: a maximum number at once, further ones are refused before
 * their body is read.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { AlikeError } from '../../errors.js'
import { whenGone } from '../client-gone.js'
import { SharedPlaces } from '../shared-places.js'
import { ofOneSubscriber } from '../subscriber.js'

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

/** Requests beyond the maximum are refused with `overloaded`. */
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

/** Time for a request that is on its way when the service begins to stop. */
const unusedGraceMs = 200

/**
 * Each connection costs a file descriptor, even without requests: beyond the limit it is closed before anything is read
 * from it. While the service stops, connections that were never used are closed, because it would wait for them.
 * @returns a reading of how many are open
 */
export function limitConnections(
  app: FastifyInstance,
  { connectionsMax, onRefusal }: { connectionsMax: number; onRefusal(): void },
): () => number {
  const open = new Set<Socket>()
  const places = new SharedPlaces(connectionsMax)
  app.server.maxConnections = connectionsMax
  app.server.on('drop', onRefusal)
  app.server.on('connection', (socket) => {
    // of a proxy, too: a probe that bypasses it must get through
    const leave = places.tryTake(ofOneSubscriber(socket.remoteAddress ?? ''))
    if (leave === undefined) {
      onRefusal()
      return void socket.destroy()
    }
    open.add(socket)
    socket.once('close', () => {
      open.delete(socket)
      leave()
    })
  })
  app.addHook('preClose', async () => {
    setTimeout(() => closeUnused(open), unusedGraceMs).unref()
  })
  return () => open.size
}

/** A browser opens connections in advance, and Node counts one as idle only after its first request. */
function closeUnused(open: ReadonlySet<Socket>): void {
  for (const socket of open) if (socket.bytesRead === 0) socket.destroy()
}

/**
 * Clients that ask before they send (`Expect: 100-continue`) are told to continue only once their body is read, so that
 * a refused upload is never sent.
 */
export function continueWhenRead(app: FastifyInstance): void {
  const asking = new WeakSet<IncomingMessage>()
  app.server.on('checkContinue', (incoming, outgoing) => {
    asking.add(incoming)
    const read = incoming._read
    incoming._read = (size) => {
      if (asking.delete(incoming)) outgoing.writeContinue()
      incoming._read = read
      incoming._read(size)
    }
    app.server.emit('request', incoming, outgoing)
  })
  // what is read after a refusal is discarded
  app.addHook('onSend', async ({ raw }) => {
    asking.delete(raw)
  })
}

/** The memory taken by request bodies and pictures fetched for requests: a budget of bytes, shared by all. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AlikeError } from '../errors.js'
import { whenGone } from './client-gone.js'

export interface HeldMemory {
  /** @throws AlikeError `overloaded` if it exceeds the budget; a single request is always admitted */
  take(bytes: number): void
  /** Releases everything that was reserved. */
  release(): void
  /** Releases it for good: what still arrives belongs to nobody, and is not counted. */
  end(): void
}

export class BodyMemory {
  readonly #maxBytes: number
  #bytes = 0
  readonly #ofRequests = new WeakMap<FastifyRequest, HeldMemory>()

  constructor({ bodyMemoryMaxBytes }: { bodyMemoryMaxBytes: number }) {
    this.#maxBytes = bodyMemoryMaxBytes
  }

  get bytesInUse(): number {
    return this.#bytes
  }

  hold(): HeldMemory {
    let own = 0
    let ended = false
    const release = () => {
      this.#bytes -= own
      own = 0
    }
    return {
      take: (bytes) => {
        if (ended) return
        if (this.#bytes + bytes > this.#maxBytes && this.#bytes > own) {
          throw new AlikeError('overloaded', {
            detail: `The bodies of all requests may take at most ${this.#maxBytes} bytes of memory together.`,
            retryAfterSeconds: 1,
          })
        }
        own += bytes
        this.#bytes += bytes
      },
      release,
      end: () => {
        ended = true
        release()
      },
    }
  }

  /** What a request reserves until it is answered. */
  of(request: FastifyRequest): HeldMemory | undefined {
    return this.#ofRequests.get(request)
  }

  /**
   * Refuses requests whose body does not fit, before it is read.
   * @param bytesOf estimate for a body
   */
  guard(scope: FastifyInstance, bytesOf: (request: FastifyRequest) => number): void {
    scope.addHook('onRequest', async (request, reply) => {
      const bytes = bytesOf(request)
      if (bytes === 0) return
      const held = this.hold()
      held.take(bytes)
      this.#ofRequests.set(request, held)
      whenGone(reply, held.end)
    })
  }
}

/** The declared size, otherwise the maximum accepted; 0 without a body. */
export function bodyBytes({ headers }: FastifyRequest, maxBytes: number): number {
  const stated = headers['content-length']
  if (stated !== undefined) return Math.min(Number(stated), maxBytes)
  return headers['transfer-encoding'] === undefined ? 0 : maxBytes
}

/** JSON is in memory as received, as one string, as the strings in it, and as the bytes of its pictures. */
export const jsonCopies = 4
/** Other bodies are in memory first in chunks as received, then as one buffer. */
export const plainCopies = 2

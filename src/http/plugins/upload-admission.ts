/**
 * Admission of uploads to jobs, which may take hours: a maximum number at once, in total and per caller, each at a
 * minimum rate. One that lags is aborted for the next one if it does not recover, so nobody takes up places by sending
 * nothing. A place in the job queue is taken only when the upload is complete.
 */
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AlikeError } from '../../errors.js'
import { whenGone } from '../client-gone.js'

export interface UploadAdmissionOptions {
  /** Maximum number of concurrent uploads. */
  uploadsMax: number
  uploadsPerCallerMax: number
  /** 0: no minimum rate. */
  uploadMinBytesPerSecond: number
  /** How far an upload may fall behind that rate. */
  uploadLagMaxMs: number
  callerOf(request: FastifyRequest): string
}

export interface UploadAdmission {
  /** Uploads being received. */
  inFlight(): number
  /** Aborted when the upload is given up; its reason is the AlikeError to answer with. */
  signalOf(request: FastifyRequest): AbortSignal
}

/** Share of the allowed lag that is tolerated while another upload waits for the place. */
const lagShareWhenFull = 1 / 6
const ticksPerLag = 30
const retryAfterSeconds = 5

/** Uploads for which no place can be freed are refused with `overloaded`. */
export function limitUploads(
  scope: FastifyInstance,
  { uploadsMax, uploadsPerCallerMax, uploadMinBytesPerSecond, uploadLagMaxMs, callerOf }: UploadAdmissionOptions,
): UploadAdmission {
  const tickMs = uploadLagMaxMs / ticksPerLag
  const receptions = new Set<Reception>()
  const signals = new WeakMap<FastifyRequest, AbortSignal>()
  let ticks: NodeJS.Timeout | undefined

  scope.addHook('onRequest', async (request, reply) => {
    const caller = callerOf(request)
    const ofCaller = [...receptions].filter((other) => other.caller === caller)
    if (ofCaller.length >= uploadsPerCallerMax)
      makeRoom(ofCaller, `${uploadsPerCallerMax} uploads of yours are being received already.`)
    else if (receptions.size >= uploadsMax)
      makeRoom([...receptions], `${uploadsMax} uploads are being received already.`)
    const reception = new Reception(request, caller, uploadMinBytesPerSecond)
    receptions.add(reception)
    signals.set(request, reception.signal)
    ticks ??= setInterval(tick, tickMs).unref()
    whenGone(reply, () => leave(reception))
  })
  scope.addHook('onClose', async () => clearInterval(ticks))

  function makeRoom(candidates: readonly Reception[], detail: string): void {
    const [slowest] = candidates.toSorted((a, b) => b.lagMs - a.lagMs)
    if (slowest === undefined || slowest.lagMs < uploadLagMaxMs * lagShareWhenFull)
      throw new AlikeError('overloaded', { detail, retryAfterSeconds })
    giveUp(slowest)
  }

  function giveUp(reception: Reception): void {
    leave(reception)
    reception.giveUp()
  }

  function leave(reception: Reception): void {
    receptions.delete(reception)
    if (receptions.size > 0) return
    clearInterval(ticks)
    ticks = undefined
  }

  function tick(): void {
    for (const reception of receptions) if (reception.tick(tickMs) >= uploadLagMaxMs) giveUp(reception)
  }

  return {
    inFlight: () => receptions.size,
    signalOf: (request) => signals.get(request)!,
  }
}

class Reception {
  readonly caller: string
  readonly #raw: FastifyRequest['raw']
  /** Its own reference: Node takes the socket from a request whose pipeline has failed. */
  readonly #socket: Socket
  readonly #minBytesPerSecond: number
  readonly #given = new AbortController()
  #bytes: number
  /** By how much time the received bytes fall short of the rate; never negative. */
  #lagMs = 0

  constructor({ raw }: FastifyRequest, caller: string, minBytesPerSecond: number) {
    this.caller = caller
    this.#raw = raw
    this.#socket = raw.socket
    this.#minBytesPerSecond = minBytesPerSecond
    this.#bytes = raw.socket.bytesRead
  }

  get signal(): AbortSignal {
    return this.#given.signal
  }

  get lagMs(): number {
    return this.#lagMs
  }

  /** @returns the lag */
  tick(elapsedMs: number): number {
    const { complete, readableLength, readableHighWaterMark } = this.#raw
    const came = this.#socket.bytesRead - this.#bytes
    this.#bytes += came
    // Unread bytes are waiting for us, so it is not the caller who is late.
    const isOurTurn = complete || readableLength >= readableHighWaterMark
    const enoughMs = this.#minBytesPerSecond === 0 || isOurTurn ? Infinity : (came / this.#minBytesPerSecond) * 1000
    this.#lagMs = Math.max(0, this.#lagMs + elapsedMs - enoughMs)
    return this.#lagMs
  }

  giveUp(): void {
    this.#given.abort(
      new AlikeError('upload_too_slow', {
        detail: `At least ${this.#minBytesPerSecond} bytes per second are required.`,
      }),
    )
  }
}

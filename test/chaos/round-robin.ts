/**
 * A client for several processes, acting like a load balancer: each request goes to the next process, and to another
 * one if the connection breaks.
 */
import { catalogue } from '../../src/errors.js'

export type Outcome<Body = unknown> =
  | { is: 'answered'; body: Body; ms: number }
  /** With a documented code. */
  | { is: 'refused'; code: string; ms: number }
  /** No response from any process, or an undocumented one. */
  | { is: 'broken'; why: string; ms: number }

export interface Asked {
  method: string
  path: string
  type?: string | undefined
  body?: Buffer | string | undefined
}

/** A caller's patience: after this time a request counts as unanswered. */
const patienceMs = 40_000

export class RoundRobin {
  readonly #addresses: (string | undefined)[]
  #next = 0
  /** Requests passed on to another process. */
  passedOn = 0

  constructor(processes: number) {
    this.#addresses = Array.from({ length: processes }, () => undefined)
  }

  /** Where a process listens; undefined while it is down. */
  place(process: number, address: string | undefined): void {
    this.#addresses[process] = address
  }

  get addresses(): string[] {
    return this.#addresses.flatMap((address) => address ?? [])
  }

  async ask<Body>(asked: Asked): Promise<Outcome<Body>> {
    const began = performance.now()
    const ms = () => performance.now() - began
    let why = 'no process listens'
    const first = this.#next++
    for (let tries = 0; tries < this.#addresses.length; tries++) {
      const address = this.#addresses[(first + tries) % this.#addresses.length]
      if (address === undefined) continue
      try {
        const { status, body } = await answerOf(address, asked)
        if (status < 300) return { is: 'answered', body: body as Body, ms: ms() }
        const { code } = body as { code?: string }
        if (code !== undefined && code in catalogue && code !== 'internal') return { is: 'refused', code, ms: ms() }
        return { is: 'broken', why: `status ${status}, code ${code}`, ms: ms() }
      } catch (error) {
        const { message, cause } = error as Error & { cause?: { code?: string } }
        why = cause?.code ?? message
        this.passedOn++
      }
    }
    return { is: 'broken', why, ms: ms() }
  }
}

async function answerOf(
  address: string,
  { method, path, type, body }: Asked,
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${address}${path}`, {
    method,
    ...(body !== undefined && { body: typeof body === 'string' ? body : new Uint8Array(body) }),
    headers: type === undefined ? {} : { 'content-type': type },
    signal: AbortSignal.timeout(patienceMs),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as unknown) }
}

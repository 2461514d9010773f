/** What goes wrong: the service refused (with a stable code), or gave no answer. */
import type { components } from './api.js'

export type Problem = components['schemas']['Problem']
export type ProblemCode = Problem['code']

/** The service has answered with a problem document. Switch on `code`. */
export class AlikeProblem extends Error {
  override readonly name = 'AlikeProblem'
  /** Of an answer that is no problem document, such as that of a proxy: `unknown`. */
  readonly code: ProblemCode | 'unknown'
  readonly status: number
  /** What it was this time. */
  readonly detail: string | undefined
  /** Finds the request in the log of the service. */
  readonly requestId: string | undefined
  /** Every misfit, for `request_invalid`. */
  readonly errors: NonNullable<Problem['errors']>
  /** As long the service asks to wait before another attempt. */
  readonly retryAfterSeconds: number | undefined

  constructor(status: number, problem: Partial<Problem>, retryAfterSeconds?: number) {
    super(problem.detail ?? problem.title ?? `The service answered with status ${status}.`)
    this.code = problem.code ?? 'unknown'
    this.status = status
    this.detail = problem.detail
    this.requestId = problem.requestId
    this.errors = problem.errors ?? []
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** There was no answer: no connection, or one that broke. `cause` says why. */
export class AlikeUnreachable extends Error {
  override readonly name = 'AlikeUnreachable'
  readonly code = 'service_unreachable'
}

/** Whether the service refused with one of these codes. */
export function isProblem(error: unknown, ...codes: readonly AlikeProblem['code'][]): error is AlikeProblem {
  return error instanceof AlikeProblem && codes.includes(error.code)
}

/** Of an answer that is not ok. Reads its body. */
export async function problemOf(response: Response): Promise<AlikeProblem> {
  const text = await response.text().catch(() => '')
  return new AlikeProblem(response.status, parsed(text), retryAfterSeconds(response.headers))
}

function parsed(text: string): Partial<Problem> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return text === '' ? {} : { detail: text.slice(0, 500) }
  }
}

/** RFC 9110, 10.2.3: seconds, or a date. */
export function retryAfterSeconds(headers: Headers, now = Date.now()): number | undefined {
  const value = headers.get('retry-after')
  if (value === null) return undefined
  if (/^\d+$/.test(value)) return Number(value)
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000)
}

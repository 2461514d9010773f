/** Errors: the service refused (with a stable code), or did not answer. */
import type { components } from './api.js'

export type Problem = components['schemas']['Problem']
export type ProblemCode = Problem['code']

/** The service answered with a problem document. Switch on `code`. */
export class AlikeProblem extends Error {
  override readonly name = 'AlikeProblem'
  /** `unknown` for a response that is not a problem document, such as a proxy's. */
  readonly code: ProblemCode | 'unknown'
  readonly status: number
  /** Details of this occurrence. */
  readonly detail: string | undefined
  /** Identifies the request in the service's log. */
  readonly requestId: string | undefined
  /** Every fault, for `request_invalid`. */
  readonly errors: NonNullable<Problem['errors']>
  /** How long the service asks to wait before a retry. */
  readonly retryAfterSeconds: number | undefined

  constructor(status: number, problem: Partial<Problem>, retryAfterSeconds?: number) {
    // a detail such as "It has 48 values instead of 24." does not say of what
    super([problem.title, problem.detail].filter(Boolean).join(' ') || `The service answered with status ${status}.`)
    this.code = problem.code ?? 'unknown'
    this.status = status
    this.detail = problem.detail
    this.requestId = problem.requestId
    this.errors = problem.errors ?? []
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** There was no response: no connection, or a broken one. `cause` says why. */
export class AlikeUnreachable extends Error {
  override readonly name = 'AlikeUnreachable'
  readonly code = 'service_unreachable'
}

/** Whether the service refused with one of these codes. */
export function isProblem(error: unknown, ...codes: readonly AlikeProblem['code'][]): error is AlikeProblem {
  return error instanceof AlikeProblem && codes.includes(error.code)
}

/** For a response that is not ok. @throws TypeError if its body breaks off: then it does not say what was refused */
export async function problemOf(response: Response): Promise<AlikeProblem> {
  const text = await response.text()
  return new AlikeProblem(response.status, parsed(text), retryAfterSeconds(response.headers))
}

/**
 * The service has no pages among its answers: this one is a proxy's, such as a form to log in, and nothing was stored.
 * @throws AlikeProblem
 */
export async function expectNoPage({ status, headers, body }: Response): Promise<void> {
  if (!/^text\/html\s*(;|$)/i.test(headers.get('content-type') ?? '')) return
  await body?.cancel()
  throw new AlikeProblem(status, { detail: 'The answer is a page: it comes from a proxy, not from the service.' })
}

function parsed(text: string): Partial<Problem> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    // a page says nothing to whoever reads an error
    return text === '' || /^\s*</.test(text) ? {} : { detail: text.slice(0, 500) }
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

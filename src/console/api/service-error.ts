/** The service's reason for refusing a call, and whether the same call may succeed later. Pure. */

/** What the page reads of a problem response. */
export interface Problem {
  title: string
  detail: string
  code: string
  requestId: string
}

export class ServiceError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Partial<Problem>,
  ) {
    // the detail of an error often makes sense with its title only
    super([...new Set([problem.title, problem.detail])].join(' ').trim() || `The service answered ${status}.`)
  }
}

/** A refusal of what the call asks for would only be given again. */
export function mayHelpToRepeat(error: unknown): boolean {
  // browsers report a broken connection as a TypeError
  if (!(error instanceof ServiceError)) return error instanceof TypeError
  const { status, problem } = error
  return status >= 500 || status === 408 || status === 429 || passing.has(problem.code ?? '')
}

/** Reasons that lie outside the call, although their status blames it. */
const passing = new Set([
  'body_incomplete',
  'serving_changed',
  'set_not_ready',
  'source_unreachable',
  'url_unreachable',
])

/**
 * `fetch` for calls that are answered at their end: Node.js gives up after five minutes without an answer, and an upload of
 * many gigabytes that the service copies to a bucket may take longer.
 */
import { Agent } from 'undici'

/** @param waitMs until the answer begins */
export function patientFetch(waitMs = 3_600_000): (request: Request) => Promise<Response> {
  const dispatcher = new Agent({ headersTimeout: waitMs })
  return (request) => fetch(request, { dispatcher } as object) // types of two versions of undici
}

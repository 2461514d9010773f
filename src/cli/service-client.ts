/** How every command reaches the service. */
import { readFile } from 'node:fs/promises'
import { Agent } from 'undici'
import { AlikeClient } from '../../clients/typescript/src/alike-client.js'

/** Options of a command: `serviceOptions`. */
export interface ServicePlace {
  url: string
  key?: string | undefined
  keyFile?: string | undefined
}

export async function serviceClient({ url, key, keyFile }: ServicePlace): Promise<AlikeClient> {
  const secret = keyFile === undefined ? key : (await readFile(keyFile, 'utf8')).trim()
  return new AlikeClient({ url, key: secret, fetch: patientFetch() })
}

/**
 * `fetch` for calls that are answered at their end: Node.js gives up after five minutes without an answer, and an upload of
 * many gigabytes that the service copies to a bucket may take longer.
 * @param waitMs until the answer begins
 */
export function patientFetch(waitMs = 3_600_000): (request: Request) => Promise<Response> {
  const dispatcher = new Agent({ headersTimeout: waitMs })
  return (request) => fetch(request, { dispatcher } as object) // types of two versions of undici
}

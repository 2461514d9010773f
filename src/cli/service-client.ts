/** How every command reaches the service. */
import { readFile } from 'node:fs/promises'
import { Agent } from 'undici'
import { AlikeClient, AlikeProblem, dataOf, type RetryOptions } from '../../clients/typescript/src/alike-client.js'
import { AlikeError } from '../errors.js'

/** Options of a command: `serviceOptions`. */
export interface ServicePlace {
  url: string
  key?: string | undefined
  keyFile?: string | undefined
}

/**
 * For a service that has answered before, about three minutes: it may restart, or admit further requests only in the
 * next minute.
 */
export const patience: RetryOptions = { attempts: 12, pauseMaxMs: 60_000 }
/** Time to remove from the service what a failed command leaves behind: only then does it say why it failed. */
export const cleaningMaxMs = 5_000
/** Trouble that lasts longer is reported: the command seems to hang. */
const quietMs = 10_000

/**
 * A wrong address fails at once.
 * @throws AlikeUnreachable, AlikeProblem of a proxy without a service behind it; AlikeError `unauthenticated` for a key
 * that cannot be sent
 */
export async function serviceClient(
  { url, key, keyFile }: ServicePlace,
  retry: RetryOptions = patience,
): Promise<AlikeClient> {
  const secret = keyFile === undefined ? key : (await readFile(keyFile, 'utf8')).trim()
  // the error of `Headers` would show it
  if (secret !== undefined && !/^[\x21-\x7e]+$/.test(secret)) {
    const detail =
      secret === '' ? `${keyFile ?? 'The given one'} is empty.` : 'The given one is not a line of ASCII without spaces.'
    throw new AlikeError('unauthenticated', { detail })
  }
  const connection = { url, key: secret, fetch: tellingOfTrouble(patientFetch()) }
  await dataOf(new AlikeClient(connection).api.GET('/livez')).catch((error: unknown) => {
    if (!(error instanceof AlikeProblem) || error.status >= 500) throw error
    // a proxy may hide the probes
    console.error(`${url}/livez is not answered as Alike does (${error.status}): is the address right?`)
  })
  return new AlikeClient({ ...connection, retry })
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

/** Says on the terminal, once, that the service has been away or full for a while. */
function tellingOfTrouble(send: (request: Request) => Promise<Response>): (request: Request) => Promise<Response> {
  let troubleSince: number | undefined
  let isTold = false
  const trouble = (what: string) => {
    troubleSince ??= performance.now()
    if (isTold || performance.now() - troubleSince < quietMs) return
    isTold = true
    console.error(`\nThe service ${what}; trying again.`)
  }
  return async (request) => {
    const response = await send(request).catch((error: unknown) => {
      if (error instanceof TypeError) trouble('does not answer')
      throw error
    })
    if ([429, 502, 503, 504].includes(response.status)) trouble(`asks to wait (${response.status})`)
    else [troubleSince, isTold] = [undefined, false]
    return response
  }
}

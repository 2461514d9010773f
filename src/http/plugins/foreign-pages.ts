/**
 * Keeps pages of other origins from writing to a service without keys, through the browser of someone who reaches it:
 * a form, or a request like one, is sent without asking first (CORS). A key is added by no browser on its own.
 */
import type { FastifyInstance } from 'fastify'
import { AlikeError } from '../../errors.js'
import { safeMethods } from '../safe-methods.js'

export interface ForeignPagesOptions {
  /** Whether everyone may call the service. */
  isOpen(): boolean
  /** Origins whose pages may call it; `*`: all. */
  origins: readonly string[]
}

/** `same-site` is another port or subdomain; `none` is no page, but a person. */
const foreign: ReadonlySet<string> = new Set(['cross-site', 'same-site'])

/** Browsers send `Sec-Fetch-Site` to encrypted addresses and to this machine's own, and pages cannot change it. */
export function refuseForeignPages(app: FastifyInstance, { isOpen, origins }: ForeignPagesOptions): void {
  if (origins.includes('*')) return
  app.addHook('onRequest', async ({ method, headers }) => {
    const site = headers['sec-fetch-site']
    if (safeMethods.has(method) || typeof site !== 'string' || !foreign.has(site) || !isOpen()) return
    if (!origins.includes(headers.origin ?? '')) throw new AlikeError('origin_not_allowed')
  })
}

/**
 * Keeps pages of other origins from using a service without keys through the browser of someone who reaches it: from
 * writing, because a form, or a request like one, is sent without asking first (CORS); and, where only this machine
 * reaches it, from everything, because a page can have its own name resolved to this machine (DNS rebinding), and is then
 * of the same origin for the browser. A key is added by no browser on its own.
 */
import { isIP } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { textsOf } from '../../config/listed.js'
import { AlikeError } from '../../errors.js'
import { isLoopback } from '../../remote/public-addresses.js'
import { safeMethods } from '../safe-methods.js'

export interface ForeignPagesOptions {
  /** Whether everyone may call the service. */
  isOpen(): boolean
  /** Origins whose pages may call it, separated by commas; `*`: all. */
  corsOrigins: string
  /** Where it listens. */
  host: string
  /** Proxies in front of it, which may pass on any name; empty: none. */
  trustProxy: string
}

/** `same-site` is another port or subdomain; `none` is no page, but a person. */
const foreign: ReadonlySet<string> = new Set(['cross-site', 'same-site'])

/** Browsers send `Sec-Fetch-Site` to encrypted addresses and to this machine's own, and pages cannot change it. */
export function refuseForeignPages(
  app: FastifyInstance,
  { isOpen, corsOrigins, host, trustProxy }: ForeignPagesOptions,
): void {
  const origins = textsOf(corsOrigins)
  if (origins.includes('*')) return
  if (isThisMachine(host) && trustProxy === '') refuseForeignNames(app, { isOpen, origins })
  app.addHook('onRequest', async ({ method, headers }) => {
    const site = headers['sec-fetch-site']
    if (safeMethods.has(method) || typeof site !== 'string' || !foreign.has(site) || !isOpen()) return
    if (!origins.includes(headers.origin ?? '')) throw new AlikeError('origin_not_allowed')
  })
}

/** A service that other machines reach may have any name. Probes, and pages without data, are exempt. */
function refuseForeignNames(
  app: FastifyInstance,
  { isOpen, origins }: { isOpen(): boolean; origins: readonly string[] },
): void {
  const listed = new Set(origins.map((origin) => origin.replace(/^https?:\/\//, '').toLowerCase()))
  app.addHook('onRequest', async ({ headers: { host = '' }, routeOptions: { config } }) => {
    // a request without a host comes from no browser
    if (host === '' || config.role === undefined || config.role === 'open' || !isOpen()) return
    const name = host.replace(/:\d*$/, '').replace(/^\[|\]$/g, '')
    // no name server is asked for an address
    if (isThisMachine(name) || isIP(name) !== 0 || listed.has(host.toLowerCase())) return
    throw new AlikeError('origin_not_allowed', {
      detail:
        'Call it as localhost or by its IP address. List a proxy that passes on another name in TRUST_PROXY, and any other name in CORS_ORIGINS (http://name:port).',
    })
  })
}

/** Names for which no name server is asked either (RFC 6761), and addresses that no other machine reaches. */
function isThisMachine(host: string): boolean {
  return /^(.*\.)?localhost\.?$/i.test(host) || isLoopback(host)
}

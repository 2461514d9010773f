/** Access control: a key or token whose grant covers what the route requires, and a rate limit. */
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ApiKeys } from '../../access/api-keys.js'
import { allows, type Caller, type Grant, type Role, reaches, type Verb } from '../../access/grants.js'
import { isSigned, type ThumbnailLinkSettings } from '../../access/thumbnail-links.js'
import { isOpenToAll, Tokens } from '../../access/tokens.js'
import { AlikeError } from '../../errors.js'
import { problems } from '../schemas/problem.js'
import { ofOneSubscriber } from '../subscriber.js'
import { RateWindows } from './rate-windows.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The minimum role. `any`: every key will do. `open` needs none and is not counted. */
    role?: Role | 'any' | 'open'
    /** The verb; default: `role`, or `delete` for DELETE requests to a route with role `write`. */
    verb?: Verb
    /**
     * For a route without a gallery in its path: how it restricts callers to their galleries. `none`: it shows nothing
     * of any gallery. `own`: it calls `reaches` itself. Undefined: callers restricted to galleries may not call it.
     */
    galleries?: 'none' | 'own'
    /** Whether a signed link takes the place of a key. */
    signedLinks?: boolean
  }
  interface FastifyRequest {
    /** Name of the key or token; empty if none is required. */
    keyName: string
    /** What the caller may do; undefined if everyone may do everything. */
    grant: Grant | undefined
  }
}

export interface AccessOptions extends ThumbnailLinkSettings {
  keys: ApiKeys
  tokens?: Tokens | undefined
  /** Per key, or per address if there are no keys; 0: no limit. */
  rateLimitPerMinute: number
  /** Whether `/metrics` can be read without a key. */
  metricsOpen: boolean
  /** The gallery of a job. @throws AlikeError `job_not_found` */
  galleryOfJob(job: string): Promise<string>
}

/**
 * Paths of plugins, which cannot declare a role: the reference page, the contract and the console's files are not
 * secret.
 */
const openPaths = /^\/(docs(\/|$)|openapi\.yaml$|assets\/)/

/**
 * Counts a request again, for one that does the work of several.
 * @throws AlikeError `rate_limited`
 */
export type CountAgain = (request: FastifyRequest) => Promise<void>

export interface Guard {
  countAgain: CountAgain
  /** The key or token of an admitted request by name, or its address. */
  callerOf(request: FastifyRequest): string
  /** Whether a request that was admitted would still be: its key may have been revoked or restricted since, or have expired. */
  stillAdmits(request: FastifyRequest): Promise<boolean>
}

/**
 * Routes added afterwards must declare a role.
 * @throws Error for one that does not
 */
export async function guard(
  app: FastifyInstance,
  { keys, tokens, rateLimitPerMinute, metricsOpen, galleryOfJob, ...links }: AccessOptions,
): Promise<Guard> {
  expectRoles(app, metricsOpen)
  app.decorateRequest('keyName', '')
  app.decorateRequest('grant', undefined)
  // counts a key's requests in this process, in memory
  await app.register(rateLimit, { global: false, store: RateWindows })
  const countAgainst =
    rateLimitPerMinute === 0
      ? undefined
      : app.createRateLimit({ max: rateLimitPerMinute, timeWindow: 60_000, keyGenerator: callerOf })

  app.addHook('onRequest', async (request, reply) => {
    const { role } = request.routeOptions.config
    if (role === undefined || role === 'open') return
    // a cache on the way would show it to others; routes whose answers may be kept say so
    reply.header('cache-control', 'no-store')
    if (isOpenToAll(keys, tokens) || isSignedLink(request, links)) return refuseTooMany(request)
    const caller = await identified(request, keys, tokens).catch(async (error: unknown) => {
      reply.header('www-authenticate', 'Bearer')
      // guesses are counted too, by address
      await refuseTooMany(request)
      throw error
    })
    request.keyName = caller.name
    request.grant = caller.grant
    request.log = request.log.child({ caller: caller.name })
    await refuseTooMany(request)
    await expectGranted(request, caller.grant, galleryOfJob)
  })
  return { countAgain: refuseTooMany, callerOf, stillAdmits }

  async function stillAdmits(request: FastifyRequest): Promise<boolean> {
    if (isOpenToAll(keys, tokens)) return true
    try {
      const { grant } = await identified(request, keys, tokens)
      await expectGranted(request, grant, galleryOfJob)
      return true
    } catch {
      return false
    }
  }

  async function refuseTooMany(request: FastifyRequest): Promise<void> {
    const count = await countAgainst?.(request)
    if (count === undefined || count.isAllowed || !count.isExceeded) return
    throw new AlikeError('rate_limited', {
      detail: `At most ${rateLimitPerMinute} per minute are allowed.`,
      retryAfterSeconds: Math.max(1, count.ttlInSeconds),
    })
  }
}

function callerOf({ keyName, ip }: FastifyRequest): string {
  return keyName === '' ? `address ${ofOneSubscriber(ip)}` : `key ${keyName}`
}

/** Each route's answers and security in the contract follow from its role. */
function expectRoles(app: FastifyInstance, metricsOpen: boolean): void {
  app.addHook('onRoute', (route) => {
    const role = openPaths.test(route.url) ? 'open' : route.config?.role
    if (role === undefined) throw new Error(`The route ${route.url} states no role.`)
    route.config = { ...route.config, role: route.url === '/metrics' && metricsOpen ? 'open' : role }
    if (route.schema === undefined) return
    if (role === 'open') route.schema.security = []
    else route.schema.response = { ...(route.schema.response as object), ...problems(401, 403, 429) }
  })
}

function isSignedLink({ routeOptions, params, query }: FastifyRequest, links: ThumbnailLinkSettings): boolean {
  if (routeOptions.config.signedLinks !== true) return false
  return isSigned(params as { gallery: string; id: string }, query, links, Date.now())
}

/** @throws AlikeError `unauthenticated`, `key_expired`, `identity_unreachable` */
async function identified(request: FastifyRequest, keys: ApiKeys, tokens: Tokens | undefined): Promise<Caller> {
  const given = keyOf(request)
  if (given === undefined) throw new AlikeError('unauthenticated', lapsedLink(request))
  if (tokens !== undefined && Tokens.looksLike(given)) return tokens.verify(given)
  const key = keys.find(given)
  if (key === undefined) throw new AlikeError('unauthenticated')
  if (key.expiresAt !== undefined && key.expiresAt.getTime() <= Date.now()) throw new AlikeError('key_expired')
  return key
}

/** @throws AlikeError `forbidden`, `gallery_forbidden`; what `galleryOfJob` throws */
async function expectGranted(
  request: FastifyRequest,
  grant: Grant,
  galleryOfJob: AccessOptions['galleryOfJob'],
): Promise<void> {
  const { config } = request.routeOptions
  const verb = verbOf(request)
  if (verb !== undefined) expectVerb(grant, verb)
  if (grant.galleries === undefined || config.galleries !== undefined) return
  const { gallery, job } = (request.params ?? {}) as { gallery?: string; job?: string }
  const target = job === undefined ? gallery : await galleryOfJob(job)
  if (target === undefined)
    throw new AlikeError('gallery_forbidden', { detail: 'This route does not belong to a single gallery.' })
  if (!reaches(grant, target)) throw new AlikeError('gallery_forbidden')
}

/**
 * Also called by routes whose verb depends on their body.
 * @throws AlikeError `forbidden`
 */
export function expectVerb(grant: Grant | undefined, verb: Verb): void {
  if (grant === undefined || allows(grant, verb)) return
  throw new AlikeError('forbidden', {
    detail: `This needs the verb ${verb}; the verbs granted are: ${[...grant.verbs].join(', ') || 'none'}.`,
  })
}

/** Why a link that was signed is not enough. */
function lapsedLink({ routeOptions, query }: FastifyRequest): { detail?: string } {
  const isLink = routeOptions.config.signedLinks === true && (query as { signature?: string }).signature !== undefined
  return isLink ? { detail: 'This link has expired or was changed: search again for another.' } : {}
}

function verbOf({ method, routeOptions }: FastifyRequest): Verb | undefined {
  const { role, verb } = routeOptions.config
  if (verb !== undefined || role === 'any' || role === 'open') return verb
  return role === 'write' && method === 'DELETE' ? 'delete' : role
}

/** `Authorization: Bearer KEY` or `X-API-Key: KEY`. */
function keyOf({ headers }: FastifyRequest): string | undefined {
  const [, bearer] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? []
  const own = headers['x-api-key']
  return bearer ?? (typeof own === 'string' ? own : undefined)
}

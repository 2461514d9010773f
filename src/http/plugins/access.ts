/** The door for callers: a key of the role that the route states, and so many requests a minute. */
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type ApiKeys, mayAct, type Role } from '../../access/api-keys.js'
import { AlikeError } from '../../errors.js'
import { problems } from '../schemas/problem.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a caller must be allowed to; `open` asks for no key and is not counted. */
    role?: Role | 'open'
  }
  interface FastifyRequest {
    /** Of the API key it came with; empty where none is needed. */
    keyName: string
  }
}

export interface AccessOptions {
  keys: ApiKeys
  /** Per key, or per address where there are no keys; 0: no limit. */
  rateLimitPerMinute: number
  /** Whether `/metrics` is read without a key. */
  metricsOpen: boolean
}

/** Paths of plugins, which can not state a role: the reference page, the contract and the console's files are no secret. */
const openPaths = /^\/(docs(\/|$)|openapi\.yaml$|assets\/)/

/** Counts a request once more, for one that does the work of several. @throws AlikeError `rate_limited` */
export type CountAgain = (request: FastifyRequest) => Promise<void>

export interface Guard {
  countAgain: CountAgain
  /** Names the key of an admitted request, or its address. */
  callerOf(request: FastifyRequest): string
}

/** Routes that are added afterwards have to state a role. @throws Error for one that does not */
export async function guard(
  app: FastifyInstance,
  { keys, rateLimitPerMinute, metricsOpen }: AccessOptions,
): Promise<Guard> {
  app.addHook('onRoute', (route) => {
    const role = openPaths.test(route.url) ? 'open' : route.config?.role
    if (role === undefined) throw new Error(`The route ${route.url} states no role.`)
    route.config = { ...route.config, role: route.url === '/metrics' && metricsOpen ? 'open' : role }
    if (route.schema === undefined) return
    if (role === 'open') route.schema.security = []
    else route.schema.response = { ...(route.schema.response as object), ...problems(401, 403, 429) }
  })

  app.decorateRequest('keyName', '')
  // counts a key's requests in this process, in memory
  await app.register(rateLimit, { global: false })
  const countAgainst =
    rateLimitPerMinute === 0
      ? undefined
      : app.createRateLimit({ max: rateLimitPerMinute, timeWindow: 60_000, keyGenerator: callerOf })
  const callers = new WeakMap<FastifyRequest, string>()
  function callerOf(request: FastifyRequest): string {
    return callers.get(request) ?? `address ${request.ip}`
  }

  app.addHook('onRequest', async (request, reply) => {
    const { role } = request.routeOptions.config
    if (role === undefined || role === 'open') return
    if (!keys.isOpen) {
      const given = keyOf(request)
      const key = given === undefined ? undefined : keys.find(given)
      if (key === undefined) {
        reply.header('www-authenticate', 'Bearer')
        // also guesses are counted, by address
        await refuseTooMany(request)
        throw new AlikeError('unauthenticated')
      }
      request.keyName = key.name
      callers.set(request, `key ${key.name}`)
      request.log = request.log.child({ caller: key.name })
      await refuseTooMany(request)
      if (!mayAct(key.role, role))
        throw new AlikeError('forbidden', { detail: `It needs the role ${role}; this key has ${key.role}.` })
      return
    }
    await refuseTooMany(request)
  })
  return { countAgain: refuseTooMany, callerOf }

  async function refuseTooMany(request: FastifyRequest): Promise<void> {
    const count = await countAgainst?.(request)
    if (count === undefined || count.isAllowed || !count.isExceeded) return
    throw new AlikeError('rate_limited', {
      detail: `${rateLimitPerMinute} a minute are allowed.`,
      retryAfterSeconds: Math.max(1, count.ttlInSeconds),
    })
  }
}

/** `Authorization: Bearer KEY` or `X-API-Key: KEY`. */
function keyOf({ headers }: FastifyRequest): string | undefined {
  const [, bearer] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? []
  const own = headers['x-api-key']
  return bearer ?? (typeof own === 'string' ? own : undefined)
}

/**
 * JSON Web Tokens of an OpenID Connect provider as an alternative to API keys, verified with the provider's published
 * keys.
 */
import type { JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from 'jose'
import { AlikeError } from '../errors.js'
import type { ApiKeys } from './api-keys.js'
import { type Caller, galleryPattern, type Role, roles, type Verb, verbs, verbsOf } from './grants.js'

export interface TokenSettings {
  /** `iss` of its tokens; empty: tokens are not accepted. */
  jwtIssuer: string
  /** `aud` must contain one of these. */
  jwtAudience: string
  /** URL of its keys; empty: taken from its discovery document. */
  jwtJwksUrl: string
  /** Claim with the caller's permissions, as a list or space-separated. */
  jwtScopeClaim: string
  /** Prefix of the permissions that apply to this service. */
  jwtScopePrefix: string
  /** Claim with the allowed galleries; empty: all. */
  jwtGalleriesClaim: string
  /** Claim that names the caller. */
  jwtNameClaim: string
}

/** Asymmetric only: published keys cannot be used to sign. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
const clockToleranceSeconds = 30
const fetchTimeoutMs = 5_000
/** A key that the issuer no longer publishes is valid for about that long. */
const refreshEveryMs = 600_000
/** Codes of errors about the published keys: they do not arrive in time, or are damaged. */
const ofIssuer: ReadonlySet<string> = new Set([
  'ERR_JOSE_GENERIC',
  'ERR_JWKS_TIMEOUT',
  'ERR_JWKS_INVALID',
  'ERR_JWK_INVALID',
])

/** Whether callers need neither a key nor a token. */
export const isOpenToAll = (keys: Pick<ApiKeys, 'isOpen'>, tokens: Tokens | undefined): boolean =>
  keys.isOpen && tokens === undefined

export class Tokens {
  readonly #settings: TokenSettings
  #keys: Promise<JWTVerifyGetKey> | undefined

  private constructor(settings: TokenSettings) {
    this.#settings = settings
  }

  /** @returns undefined if no issuer is configured @throws AlikeError `config_invalid` */
  static open(settings: TokenSettings): Tokens | undefined {
    if (settings.jwtIssuer === '') return undefined
    if (settings.jwtAudience === '')
      throw new AlikeError('config_invalid', {
        detail: 'JWT_ISSUER is set but JWT_AUDIENCE is not: tokens for other services would be accepted.',
      })
    return new Tokens(settings)
  }

  /** Whether it looks like a token; our own keys contain no dots. */
  static looksLike(given: string): boolean {
    return given.split('.').length === 3
  }

  /** @throws AlikeError `unauthenticated`, `key_expired`, `identity_unreachable` */
  async verify(token: string): Promise<Caller> {
    const { jwtIssuer, jwtAudience } = this.#settings
    const { errors } = await import('jose') // only loaded where tokens are accepted
    try {
      const payload = await verifiedPayload(token, await this.#publishedKeys(), {
        algorithms,
        issuer: jwtIssuer,
        audience: jwtAudience.split(',').map((one) => one.trim()),
        clockTolerance: clockToleranceSeconds,
        requiredClaims: ['exp'],
      })
      return this.#callerOf(payload)
    } catch (cause) {
      if (cause instanceof AlikeError) throw cause
      if (cause instanceof errors.JWTExpired) throw new AlikeError('key_expired', { cause })
      const isOfToken = cause instanceof errors.JOSEError && !ofIssuer.has(cause.code)
      throw new AlikeError(isOfToken ? 'unauthenticated' : 'identity_unreachable', { cause })
    }
  }

  #callerOf(payload: JWTPayload): Caller {
    const { jwtNameClaim, jwtScopeClaim, jwtScopePrefix, jwtGalleriesClaim } = this.#settings
    const name = payload[jwtNameClaim]
    if (typeof name !== 'string' || !/^[\x21-\x7e]{1,200}$/.test(name))
      throw new AlikeError('unauthenticated', { detail: 'The token does not name its caller.' })
    const scopes = wordsOf(payload[jwtScopeClaim])
      .filter((scope) => scope.startsWith(jwtScopePrefix))
      .map((scope) => scope.slice(jwtScopePrefix.length))
    const granted = scopes.flatMap((scope) =>
      roles.includes(scope as Role) ? verbsOf(scope as Role) : verbs.filter((verb) => verb === scope),
    )
    const galleries = jwtGalleriesClaim === '' ? undefined : wordsOf(payload[jwtGalleriesClaim])
    return {
      name: `token:${name}`,
      grant: { verbs: new Set<Verb>(granted), galleries: galleries?.filter((one) => galleryPattern.test(one)) },
    }
  }

  /** Cached, fetched again when a token names an unknown key, and refreshed from time to time. */
  #publishedKeys(): Promise<JWTVerifyGetKey> {
    this.#keys ??= this.#findKeys().catch((error: unknown) => {
      this.#keys = undefined
      throw error
    })
    return this.#keys
  }

  async #findKeys(): Promise<JWTVerifyGetKey> {
    const { jwtJwksUrl, jwtIssuer } = this.#settings
    const { createRemoteJWKSet } = await import('jose')
    const address = jwtJwksUrl === '' ? await discoveredAddress(jwtIssuer) : jwtJwksUrl
    const keys = createRemoteJWKSet(new URL(address), { timeoutDuration: fetchTimeoutMs, cacheMaxAge: Infinity })
    let refreshedAt = Date.now()
    return (header, token) => {
      if (Date.now() - refreshedAt > refreshEveryMs) {
        refreshedAt = Date.now()
        // meanwhile, and while the issuer does not answer, the known ones stay valid
        keys.reload().catch(() => {})
      }
      return keys(header, token)
    }
  }
}

/** If several keys fit the token's header, as when it names none, whichever signed it counts. */
async function verifiedPayload(token: string, keys: JWTVerifyGetKey, options: JWTVerifyOptions): Promise<JWTPayload> {
  const { errors, jwtVerify } = await import('jose')
  try {
    return (await jwtVerify(token, keys, options)).payload
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, options)).payload
      } catch (cause) {
        if (!(cause instanceof errors.JWSSignatureVerificationFailed)) throw cause
      }
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

/** OpenID Connect Discovery 1.0, section 4. */
async function discoveredAddress(issuer: string): Promise<string> {
  const response = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, {
    signal: AbortSignal.timeout(fetchTimeoutMs),
    redirect: 'error',
  })
  const { jwks_uri: address } = response.ok ? ((await response.json()) as { jwks_uri?: unknown }) : {}
  if (typeof address !== 'string' || !URL.canParse(address))
    throw new Error('the issuer does not say where its keys are')
  return address
}

function wordsOf(claim: unknown): string[] {
  if (typeof claim === 'string') return claim.split(' ').filter((word) => word !== '')
  return Array.isArray(claim) ? claim.filter((word): word is string => typeof word === 'string') : []
}

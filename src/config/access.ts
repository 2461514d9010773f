/** Settings: access control and the audit log. */
import { Type } from 'typebox'

export const accessSettings = {
  apiKeys: Type.String({
    default: '',
    description:
      'API keys: lines printed by `npm run key`, separated by commas; without keys and `JWT_ISSUER` everyone has access.',
  }),
  apiKeysFile: Type.String({
    default: '',
    description: 'File with further API keys, one per line; reloaded when it changes.',
  }),
  jwtIssuer: Type.String({
    default: '',
    pattern: '^$|^https?://\\S+$',
    accepts: 'an address that begins with http:// or https://',
    description:
      'OpenID Connect provider whose bearer tokens are accepted in addition to API keys, exactly as in `iss`; none: no tokens.',
  }),
  jwtAudience: Type.String({
    default: '',
    description: 'Accepted values of `aud` in a token, separated by commas. Required with `JWT_ISSUER`.',
  }),
  jwtJwksUrl: Type.String({
    default: '',
    pattern: '^$|^https?://\\S+$',
    accepts: 'an address that begins with http:// or https://',
    description: 'URL of the provider’s keys; none: as in its discovery document.',
  }),
  jwtScopeClaim: Type.String({
    default: 'scope',
    minLength: 1,
    description: 'Claim with the caller’s scopes: a list, or words separated by spaces.',
  }),
  jwtScopePrefix: Type.String({
    default: 'alike:',
    description: 'Prefix of relevant scopes, followed by a role or a verb: `alike:read`, `alike:search`.',
  }),
  jwtGalleriesClaim: Type.String({
    default: '',
    description: 'Claim with the galleries that a caller is restricted to, as names or prefixes with `*`; none: all.',
  }),
  jwtNameClaim: Type.String({
    default: 'sub',
    minLength: 1,
    description: 'Claim that names the caller, in logs and for rate limits.',
  }),
  thumbnailLinkSecret: Type.String({
    default: '',
    pattern: '^$|^.{32,}$',
    accepts: 'at least 32 characters',
    isSecret: true,
    description:
      'Secret that signs the links to thumbnails in hits, which then load without a key, for callers who may only search, and in `<img>`; the same in all processes; none: thumbnails need the verb `read`.',
  }),
  thumbnailLinkSeconds: Type.Integer({
    default: 900,
    minimum: 60,
    maximum: 86_400,
    description: 'Maximum time for which a signed link is valid; the minimum is half of it.',
  }),
  rateLimitPerMinute: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 10_000_000,
    description: 'Requests per minute and key (without keys: per address); 0: unlimited.',
  }),
  auditLog: Type.String({
    default: '',
    description:
      'Audit log of writes and refused requests, one line of JSON each: a file, or `log` for the log of the service; none: no audit log.',
  }),
}

/** Settings: who may call, and where that is recorded. */
import { Type } from 'typebox'

export const accessSettings = {
  apiKeys: Type.String({
    default: '',
    description:
      'Who may call: lines as `npm run key` prints them, separated by commas; none, and no `JWT_ISSUER`: everyone may.',
  }),
  apiKeysFile: Type.String({
    default: '',
    description: 'File with more of them, one a line; read again when it changes.',
  }),
  jwtIssuer: Type.String({
    default: '',
    pattern: '^$|^https?://\\S+$',
    form: 'an address',
    description:
      'OpenID Connect provider whose tokens are taken as bearer tokens beside API keys, exactly as `iss` has it; none: no tokens.',
  }),
  jwtAudience: Type.String({
    default: '',
    description: 'What has to be in `aud` of a token: one of these, separated by commas. Needed with `JWT_ISSUER`.',
  }),
  jwtJwksUrl: Type.String({
    default: '',
    pattern: '^$|^https?://\\S+$',
    form: 'an address',
    description: 'Where the provider publishes its keys; none: where its discovery document says.',
  }),
  jwtScopeClaim: Type.String({
    default: 'scope',
    minLength: 1,
    description: 'Claim with what a caller may: a list, or words in a text.',
  }),
  jwtScopePrefix: Type.String({
    default: 'alike:',
    description: 'What begins those scopes that count; a role or a verb is behind it: `alike:read`, `alike:search`.',
  }),
  jwtGalleriesClaim: Type.String({
    default: '',
    description: 'Claim with the galleries that a caller is kept to, as names or beginnings with `*`; none: all.',
  }),
  jwtNameClaim: Type.String({
    default: 'sub',
    minLength: 1,
    description: 'Claim that names the caller in the logs; rates are counted by it.',
  }),
  rateLimitPerMinute: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 10_000_000,
    description: 'Requests that a key (without keys: an address) may send in a minute; 0: any number.',
  }),
  auditLog: Type.String({
    default: '',
    description:
      'Where writes and refused callers are recorded, a line of JSON each: a file, or `log` for the log of the service; none: nowhere.',
  }),
}

/**
 * API keys, each with a role and optional limits to galleries, verbs and a time. Only hashes are stored; a key itself
 * is shown once, when it is created.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { AlikeError } from '../errors.js'
import { type Caller, galleryPattern, type Role, type Verb, verbs, verbsOf } from './grants.js'

export interface ApiKey extends Caller {
  /** SHA-256 of the key. Keys are 256 random bits, so a slow hash is not needed against guessing. */
  hash: Buffer
}

/** Optional parts of a line; default: no limit. */
export interface KeyLimits {
  galleries?: readonly string[] | undefined
  verbs?: readonly string[] | undefined
  /** RFC 3339 date, or date and time. */
  expires?: string | undefined
}

export interface KeySettings {
  apiKeys: string
  apiKeysFile: string
}

const nameForm = '[a-z0-9][a-z0-9._-]{0,62}'
export const keyNamePattern = new RegExp(`^${nameForm}$`)
const linePattern = new RegExp(`^(${nameForm}):(read|write|admin):([0-9a-f]{64})((?: +[a-z]+=\\S+)*)$`)
const datePattern = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d))?$/
export const galleryRule = 'a name, or the beginning of one with * behind it'
/** Maximum keys per name: an old and a new one, while callers switch. */
const keysOfName = 2

export class ApiKeys {
  /** Without any key at the start the service is open to everyone; once it has had one, it stays closed. */
  readonly isOpen: boolean
  #keys: readonly ApiKey[]

  constructor(keys: readonly ApiKey[]) {
    this.#keys = keys
    this.isOpen = keys.length === 0
  }

  get count(): number {
    return this.#keys.length
  }

  /** Compares with every key, in constant time. Also finds expired keys. */
  find(key: string): ApiKey | undefined {
    const hash = hashOf(key)
    let found: ApiKey | undefined
    for (const candidate of this.#keys) if (timingSafeEqual(candidate.hash, hash)) found = candidate
    return found
  }

  replace(keys: readonly ApiKey[]): void {
    this.#keys = keys
  }
}

/** @returns the key to hand out, and its configuration line @throws AlikeError `config_invalid` */
export function makeKey(name: string, role: Role, limits: KeyLimits = {}): { key: string; line: string } {
  const key = `alike_${randomBytes(32).toString('base64url')}`
  const { galleries, verbs: only, expires } = limits
  const line = [
    `${name}:${role}:${hashOf(key).toString('hex')}`,
    ...(galleries ? [`galleries=${galleries.join('|')}`] : []),
    ...(only ? [`verbs=${only.join('|')}`] : []),
    ...(expires ? [`expires=${expires}`] : []),
  ].join(' ')
  parseKeys(line, 'what was asked for')
  return { key, line }
}

/**
 * @param given lines `name:role:hash` with optional limits (`galleries=shop-*|archive verbs=search
 * expires=2027-01-31`), separated by newlines or commas; `#` starts a comment line
 * @param source its name in error messages
 * @throws AlikeError `config_invalid`, with the position of a malformed line, never its content
 */
export function parseKeys(given: string, source: string): ApiKey[] {
  const keys: ApiKey[] = []
  const uncommented = given.replace(/^[ \t]*#.*$/gm, '') // whole lines: a comment may contain commas
  for (const [index, text] of uncommented.split(/[\n,]/).entries()) {
    const line = text.trim()
    if (line === '' || line.startsWith('#')) continue
    const [, name, role, hash, limits = ''] = linePattern.exec(line) ?? []
    if (name === undefined)
      throw invalid(`entry ${index + 1} of ${source} is not name:role:SHA-256, as npm run key prints it`)
    const refuse = (detail: string) => invalid(`entry ${index + 1} of ${source} ${detail}`)
    keys.push({ name, hash: Buffer.from(hash!, 'hex'), ...limited(role as Role, limits, refuse) })
  }
  expectDistinct(keys, source)
  return keys
}

/** For the start. @throws AlikeError `config_invalid`, also if the settings contain no key */
export async function readKeys(settings: KeySettings): Promise<ApiKey[]> {
  const keys = keysOf(settings, await readKeyFile(settings))
  // a configuration meant to close the service must not leave it open
  if (`${settings.apiKeys}${settings.apiKeysFile}` !== '' && keys.length === 0)
    throw invalid('API_KEYS or API_KEYS_FILE is set, but contains no key')
  return keys
}

/** The content of the file. @throws AlikeError `config_invalid` if it is unreadable */
export async function readKeyFile({ apiKeysFile }: KeySettings): Promise<string> {
  if (apiKeysFile === '') return ''
  return readFile(apiKeysFile, 'utf8').catch((cause: unknown) => {
    throw new AlikeError('config_invalid', {
      detail: 'the file named by API_KEYS_FILE cannot be read.',
      cause,
    })
  })
}

/** Possibly none. @throws AlikeError `config_invalid` */
export function keysOf({ apiKeys }: KeySettings, fromFile: string): ApiKey[] {
  const keys = [...parseKeys(apiKeys, 'API_KEYS'), ...parseKeys(fromFile, 'API_KEYS_FILE')]
  expectDistinct(keys, 'API_KEYS and API_KEYS_FILE together')
  return keys
}

function limited(
  role: Role,
  text: string,
  refuse: (detail: string) => AlikeError,
): Pick<ApiKey, 'grant' | 'expiresAt'> {
  const given = text
    .split(' ')
    .filter((one) => one !== '')
    .map((one) => one.split('=', 2) as [string, string])
  const limits = new Map(given)
  const unknown = given.find(([name]) => !['galleries', 'verbs', 'expires'].includes(name))
  if (unknown !== undefined || limits.size < given.length)
    throw refuse('has a limit that is unknown or there twice; known are galleries, verbs and expires')
  const galleries = limits.get('galleries')?.split('|')
  if (galleries?.some((pattern) => !galleryPattern.test(pattern)))
    throw refuse(`has a gallery that is not ${galleryRule}`)
  const only = limits.get('verbs')?.split('|')
  if (only?.some((verb) => !verbsOf(role).includes(verb as Verb)))
    throw refuse(`has a verb beyond its role; there are ${verbs.join(', ')}`)
  const expires = limits.get('expires')
  const expiresAt = expires === undefined ? undefined : expiryOf(expires)
  if (expires !== undefined && expiresAt === undefined)
    throw refuse('expires at what is no date, such as 2027-01-31 or 2027-01-31T12:00:00Z')
  return { grant: { verbs: new Set((only as Verb[] | undefined) ?? verbsOf(role)), galleries }, expiresAt }
}

/** @returns undefined for anything but a date, or a time with its zone */
export function expiryOf(text: string): Date | undefined {
  const isTime = datePattern.test(text) && isDay(text.slice(0, 10)) && !Number.isNaN(Date.parse(text))
  return isTime ? new Date(text) : undefined
}

/** The parser of dates takes 31 February for 3 March. */
function isDay(date: string): boolean {
  const parsed = new Date(date)
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(date)
}

function expectDistinct(keys: readonly ApiKey[], source: string): void {
  for (const { name, hash } of keys) {
    if (keys.filter((other) => other.hash.equals(hash)).length > 1)
      throw invalid(`${source} has a key of "${name}" twice`)
    if (keys.filter((other) => other.name === name).length > keysOfName)
      throw invalid(`${source} has more than ${keysOfName} keys of "${name}"`)
  }
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

function invalid(detail: string): AlikeError {
  return new AlikeError('config_invalid', { detail: `${detail}.` })
}

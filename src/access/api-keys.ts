/** Who may do what: API keys with roles. Only their hashes are kept; a key itself is shown once, when it is made. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { AlikeError } from '../errors.js'

/** Each may do what those before it may. */
export const roles = ['read', 'write', 'admin'] as const
export type Role = (typeof roles)[number]

export interface ApiKey {
  /** For the log and the rate limit. */
  name: string
  role: Role
  /** SHA-256 of the key. Keys are 256 random bits, so that nothing slower is needed against guessing. */
  hash: Buffer
}

const linePattern = /^([a-z0-9][a-z0-9._-]{0,62}):(read|write|admin):([0-9a-f]{64})$/

export class ApiKeys {
  readonly #keys: readonly ApiKey[]

  constructor(keys: readonly ApiKey[]) {
    this.#keys = keys
  }

  /** Without any key the service is open to everyone. */
  get isOpen(): boolean {
    return this.#keys.length === 0
  }

  get count(): number {
    return this.#keys.length
  }

  /** Compares with every key, in the same time whichever fits. */
  find(key: string): ApiKey | undefined {
    const hash = hashOf(key)
    let found: ApiKey | undefined
    for (const candidate of this.#keys) if (timingSafeEqual(candidate.hash, hash)) found = candidate
    return found
  }
}

export function mayAct(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed)
}

/** @returns the key to hand out, and the line to configure it by */
export function makeKey(name: string, role: Role): { key: string; line: string } {
  const key = `alike_${randomBytes(32).toString('base64url')}`
  const line = `${name}:${role}:${hashOf(key).toString('hex')}`
  if (!linePattern.test(line))
    throw new AlikeError('config_invalid', {
      detail: 'A name is 1 to 63 small letters, digits, dots, hyphens and underscores, a letter or digit first.',
    })
  return { key, line }
}

/**
 * @param given lines `name:role:hash`, separated by line ends or commas; `#` begins a comment line
 * @param source what to call them in an error
 * @throws AlikeError `config_invalid`, with the place of a line that does not fit, never with the line
 */
export function parseKeys(given: string, source: string): ApiKey[] {
  const keys: ApiKey[] = []
  for (const [index, text] of given.split(/[\n,]/).entries()) {
    const line = text.trim()
    if (line === '' || line.startsWith('#')) continue
    const [, name, role, hash] = linePattern.exec(line) ?? []
    if (name === undefined)
      throw invalid(`entry ${index + 1} of ${source} is not name:role:SHA-256, as npm run key prints it`)
    if (keys.some((key) => key.name === name)) throw invalid(`${source} has the name "${name}" twice`)
    keys.push({ name, role: role as Role, hash: Buffer.from(hash!, 'hex') })
  }
  return keys
}

/** @throws AlikeError `config_invalid` also when the file can not be read */
export async function readApiKeys({
  apiKeys,
  apiKeysFile,
}: {
  apiKeys: string
  apiKeysFile: string
}): Promise<ApiKeys> {
  const fromFile =
    apiKeysFile === ''
      ? ''
      : await readFile(apiKeysFile, 'utf8').catch((cause: unknown) => {
          throw new AlikeError('config_invalid', {
            detail: 'the file that API_KEYS_FILE names can not be read.',
            cause,
          })
        })
  const keys = [...parseKeys(apiKeys, 'API_KEYS'), ...parseKeys(fromFile, 'API_KEYS_FILE')]
  // what was meant to close the service must not leave it open
  if (`${apiKeys}${apiKeysFile}` !== '' && keys.length === 0)
    throw invalid('API_KEYS and API_KEYS_FILE are set, but have no key')
  if (new Set(keys.map(({ name }) => name)).size < keys.length) throw invalid('API_KEYS and API_KEYS_FILE share a name')
  return new ApiKeys(keys)
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

function invalid(detail: string): AlikeError {
  return new AlikeError('config_invalid', { detail: `${detail}.` })
}

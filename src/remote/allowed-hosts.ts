/** The hosts whose pictures may be fetched, as their owner lists them. */
import { AlikeError } from '../errors.js'

interface Pattern {
  /** Lower case, international names in their ASCII form. */
  host: string
  /** `*.example.com`: names below it, not itself. */
  below: boolean
  /** Left out: the usual one of the scheme. */
  port?: string
}

export class AllowedHosts {
  readonly #patterns: Pattern[]

  /**
   * @param list `images.example.com, *.cdn.example.com, example.org:8443`, separated by commas
   * @throws AlikeError `config_invalid`
   */
  constructor(list: string) {
    this.#patterns = list
      .split(',')
      .map((text) => text.trim())
      .filter((text) => text !== '')
      .map(patternOf)
  }

  get isEmpty(): boolean {
    return this.#patterns.length === 0
  }

  allows({ hostname, port }: URL): boolean {
    const name = hostname.replace(/\.$/, '')
    return this.#patterns.some(
      (pattern) =>
        (pattern.below ? name.endsWith(`.${pattern.host}`) : name === pattern.host) && port === (pattern.port ?? ''),
    )
  }
}

function patternOf(text: string): Pattern {
  const [, wildcard, rest = ''] = /^(\*\.)?([^*]+)$/.exec(text) ?? []
  const url = URL.canParse(`http://${rest}`) ? new URL(`http://${rest}`) : undefined
  if (
    url === undefined ||
    url.host === '' ||
    url.pathname !== '/' ||
    `${url.username}${url.password}${url.search}${url.hash}` !== ''
  ) {
    throw new AlikeError('config_invalid', {
      detail: `URL_ALLOWED_HOSTS must list names of hosts, such as images.example.com or *.example.com, not "${text}".`,
    })
  }
  return {
    host: url.hostname.replace(/\.$/, ''),
    below: wildcard !== undefined,
    ...(url.port !== '' && { port: url.port }),
  }
}

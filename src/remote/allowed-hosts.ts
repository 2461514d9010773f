/** The owner's list of hosts from which pictures may be fetched. */
import { BlockList, isIP } from 'node:net'
import { AlikeError } from '../errors.js'
import { isPublicAddress } from './public-addresses.js'

interface Pattern {
  /** Lower case; international names in ASCII form. */
  host: string
  /** For `*.example.com`: names below it, excluding itself. */
  below: boolean
  /** As listed, even if it is the default of a scheme. Default: the scheme's default port. */
  port?: string | undefined
}

export class AllowedHosts {
  readonly #patterns: Pattern[]
  /** Addresses in these networks are allowed, and may be reached although they are not public. */
  readonly #networks = new BlockList()

  /**
   * @param list such as `images.example.com, *.cdn.example.com, example.org:8443, 192.168.1.0/24`, separated by commas
   * @param setting name of the setting with this value
   * @throws AlikeError `config_invalid`
   */
  constructor(list: string, setting = 'URL_ALLOWED_HOSTS') {
    const entries = list
      .split(',')
      .map((text) => text.trim())
      .filter((text) => text !== '')
    const networks = entries.filter((text) => addNetwork(this.#networks, text))
    this.#patterns = entries.filter((text) => !networks.includes(text)).map((text) => patternOf(text, setting))
  }

  get isEmpty(): boolean {
    return this.#patterns.length === 0 && this.#networks.rules.length === 0
  }

  /** Whether a listed host may be reached at this address: it must be public, or inside a listed network. */
  reaches(address: string): boolean {
    return isPublicAddress(address) || isIn(this.#networks, address)
  }

  allows({ hostname, port, protocol }: URL): boolean {
    const name = hostname.replace(/\.$/, '')
    if (isIn(this.#networks, name.replace(/^\[|\]$/g, ''))) return true
    const actual = port || (protocol === 'https:' ? '443' : '80')
    return this.#patterns.some(
      (pattern) =>
        (pattern.below ? name.endsWith(`.${pattern.host}`) : name === pattern.host) &&
        (pattern.port === undefined ? port === '' : actual === pattern.port),
    )
  }
}

function isIn(networks: BlockList, address: string): boolean {
  const version = isIP(address)
  return version !== 0 && networks.check(address, version === 4 ? 'ipv4' : 'ipv6')
}

/** @returns whether the text is a network: `192.168.1.0/24`, `10.0.0.7/32`, `fd00::/8` */
function addNetwork(networks: BlockList, text: string): boolean {
  const [, address = '', prefix = ''] = /^([0-9A-Fa-f:.]+)\/(\d{1,3})$/.exec(text) ?? []
  const version = isIP(address)
  const bits = Number(prefix)
  if (version === 0 || bits > (version === 4 ? 32 : 128)) return false
  networks.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6')
  return true
}

function patternOf(text: string, setting: string): Pattern {
  const [, wildcard, rest = ''] = /^(\*\.)?([^*]+)$/.exec(text) ?? []
  const url = URL.canParse(`http://${rest}`) ? new URL(`http://${rest}`) : undefined
  if (url === undefined || url.pathname !== '/' || `${url.username}${url.password}${url.search}${url.hash}` !== '') {
    throw new AlikeError('config_invalid', {
      detail: `${setting} must list names of hosts, such as images.example.com or *.example.com, not "${text}".`,
    })
  }
  return {
    host: url.hostname.replace(/\.$/, ''),
    below: wildcard !== undefined,
    port: url.port || /:0*(80)\/?$/.exec(rest)?.[1], // the default of http, which its URLs omit
  }
}

/** Checks the first address and every redirect. @throws AlikeError `url_not_allowed` */
export function expectAllowed(text: string, base: URL | undefined, hosts: AllowedHosts): URL {
  if (!URL.canParse(text, base?.href)) throw notAllowed('It is none.')
  const url = new URL(text, base)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw notAllowed('Only http and https are.')
  if (url.username !== '' || url.password !== '') throw notAllowed('It carries credentials.')
  if (!hosts.allows(url))
    throw notAllowed(
      base === undefined
        ? 'Its host is not among the allowed ones.'
        : 'It leads to a host that is not among the allowed ones.',
    )
  return url
}

function notAllowed(detail: string): AlikeError {
  return new AlikeError('url_not_allowed', { detail })
}

/** Which proxies are trusted to state the client address, by their own addresses. */
import { isIP } from 'node:net'
import { AlikeError } from '../../errors.js'

/**
 * @param given IP addresses and networks in CIDR notation; an IPv4-mapped address is its IPv4 address
 * @returns Fastify's `trustProxy`
 * @throws AlikeError `config_invalid`
 */
export function trustedProxies(given: readonly string[]): string[] | false {
  for (const entry of given)
    if (!isNetwork(entry))
      throw new AlikeError('config_invalid', {
        detail: `TRUST_PROXY has "${entry}", which is neither an IP address nor a network such as 10.0.0.0/8.`,
      })
  return given.length === 0 ? false : [...given]
}

function isNetwork(entry: string): boolean {
  const [address = '', bits, ...more] = entry.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}

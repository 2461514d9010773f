/** Which addresses count as one caller. */
import ipaddr from 'ipaddr.js'

/**
 * A subscriber has all 2^64 IPv6 addresses of a /64 network: counted alone, each would get a limit of its own. So would
 * each connection through a proxy that passes on addresses with their ports.
 */
export function ofOneSubscriber(ip: string): string {
  const [, v4, v6] = /^(?:([\d.]+):\d+|\[(.+)\](?::\d+)?)$/.exec(ip) ?? []
  const text = v4 ?? v6 ?? ip
  if (!ipaddr.isValid(text)) return ip
  const address = ipaddr.process(text) // a mapped IPv4 is one
  return address instanceof ipaddr.IPv6 ? address.parts.slice(0, 4).join(':') : address.toString()
}

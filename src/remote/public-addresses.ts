/** Distinguishes public IP addresses from all others, which may belong to an internal network. */
import { BlockList, isIP } from 'node:net'

/** IANA's special-purpose IPv4 addresses, plus multicast and reserved ones. */
const notPublic4 = new BlockList()
for (const subnet of [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '168.63.129.16/32', // looks public but is Azure's host endpoint inside its cloud
])
  add(notPublic4, subnet, 'ipv4')

/**
 * Only global unicast is public in IPv6; IPv4-mapped, loopback, link-local and multicast addresses lie outside of it.
 */
const global6 = new BlockList()
add(global6, '2000::/3', 'ipv6')
/** Parts of it that lead elsewhere: Teredo and other protocols, 6to4, documentation. */
const notPublic6 = new BlockList()
for (const subnet of ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']) add(notPublic6, subnet, 'ipv6')

/** False for anything that is not an address, too. @param address without brackets */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !notPublic4.check(address, 'ipv4')
  if (isIP(address) !== 6 || address.includes('%')) return false
  return global6.check(address, 'ipv6') && !notPublic6.check(address, 'ipv6')
}

/** This machine itself. */
export function isLoopback(address: string): boolean {
  return address === '::1' || (isIP(address) === 4 && address.startsWith('127.'))
}

function add(list: BlockList, subnet: string, family: 'ipv4' | 'ipv6'): void {
  const [network = '', prefix] = subnet.split('/')
  list.addSubnet(network, Number(prefix), family)
}

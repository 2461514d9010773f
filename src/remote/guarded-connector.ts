/**
 * Opens connections to public addresses only. A name is resolved once, and the connection uses exactly the addresses
 * that were checked, which defeats DNS rebinding.
 */
import { lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import { AlikeError } from '../errors.js'

export interface GuardedConnectorOptions {
  isAllowed(address: string): boolean
  timeoutMs: number
}

export function guardedConnector({ isAllowed, timeoutMs }: GuardedConnectorOptions): buildConnector.connector {
  const checkedLookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, [])
      const addresses = found.filter(({ address }) => isAllowed(address))
      const [first] = addresses
      if (first === undefined) return callback(addressRefused(), [])
      if (options.all === true) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
  }
  const connect = buildConnector({ lookup: checkedLookup, timeout: timeoutMs } as buildConnector.BuildOptions)

  return (options, callback) => {
    // Node connects to a literal address without calling `lookup`.
    const host = options.hostname.replace(/^\[|\]$/g, '')
    if (isIP(host) !== 0 && !isAllowed(host)) return callback(addressRefused(), null)
    connect(options, (...[error, socket]: Parameters<buildConnector.Callback>) => {
      if (error !== null) return callback(error, null)
      // The address that was actually connected to has the last word.
      if (isAllowed(socket.remoteAddress ?? '')) return callback(null, socket)
      socket.destroy()
      callback(addressRefused(), null)
    })
  }
}

function addressRefused(): AlikeError {
  return new AlikeError('url_not_allowed', { detail: 'The address of its host is not public.' })
}

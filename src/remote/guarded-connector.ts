/**
 * Opens connections to public addresses only. What a name stands for is asked once, and the very
 * addresses that were checked are connected to: a name that changes its mind in between gains nothing.
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
    // An address in place of a name is connected to without being looked up.
    const host = options.hostname.replace(/^\[|\]$/g, '')
    if (isIP(host) !== 0 && !isAllowed(host)) return callback(addressRefused(), null)
    connect(options, (...[error, socket]: Parameters<buildConnector.Callback>) => {
      if (error !== null) return callback(error, null)
      // The last word has the connection itself.
      if (isAllowed(socket.remoteAddress ?? '')) return callback(null, socket)
      socket.destroy()
      callback(addressRefused(), null)
    })
  }
}

function addressRefused(): AlikeError {
  return new AlikeError('url_not_allowed', { detail: 'The address of its host is not public.' })
}

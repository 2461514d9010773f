/**
 * Headers that HTTP requires to be refused, and that Node would refuse without a message of ours, or accept: an
 * expectation that cannot be met, a request without a valid host, a body in an unknown transfer coding. `CONNECT` is
 * answered here as well, because Node would close its connection.
 */
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionError, FastifyInstance } from 'fastify'
import { AlikeError } from '../../errors.js'
import { invalidIn } from '../validation.js'
import type { UnreadableRequests } from './client-errors.js'

/** A name or address, and perhaps a port (RFC 9112, section 3.2). */
const hostPattern = /^([\w.~!$&'()*+,;=%-]*|\[[\w.:%~-]+\])(:\d*)?$/

const invalid = invalidIn('headers')

/** For Fastify's `http`: disables Node's own check. */
export const httpOptions = { requireHostHeader: false } as const

/** @param unreadable answers on a bare socket without a response object */
export function checkHeaders(app: FastifyInstance, unreadable: UnreadableRequests): void {
  const server = app.server as Server
  server.on('checkExpectation', (incoming, outgoing) => void server.emit('request', incoming, outgoing))
  server.on('connect', (_incoming: IncomingMessage, socket: Socket) =>
    unreadable.answer(Object.assign(new Error('CONNECT'), { code: 'HPE_INVALID_METHOD' }) as ConnectionError, socket),
  )

  app.addHook('onRequest', async ({ raw }) => {
    const hosts = countOf('host', raw)
    if (hosts > 1) throw invalid('host', 'must not be repeated')
    // HTTP/1.0 has no such header.
    if (hosts === 0 && raw.httpVersion === '1.1') throw invalid('host', 'is missing')
    if (!hostPattern.test(raw.headers.host ?? '')) throw invalid('host', 'is no host')
    const { expect, 'transfer-encoding': coding = 'chunked' } = raw.headers
    // Node would hand on a body in another coding as it is
    if (coding.trim().toLowerCase() !== 'chunked') throw invalid('transfer-encoding', 'must be chunked')
    if (expect !== undefined && expect.trim().toLowerCase() !== '100-continue')
      throw new AlikeError('expectation_failed')
  })
}

/** Node keeps only the first of several in `headers`. */
function countOf(name: string, { rawHeaders }: IncomingMessage): number {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]!.toLowerCase() === name) count += 1
  return count
}

/** An id is written to logs and headers: only harmless characters are accepted. */
export function safeRequestId(given: string | string[] | undefined): string | undefined {
  return typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given) ? given : undefined
}

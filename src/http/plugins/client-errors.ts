/**
 * Requests that are not HTTP, have endless headers or never arrive: answered on the bare socket, because there is no
 * request object. The parser's error contains the raw bytes, possibly an API key, so it is never logged as a whole.
 */
import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionError, FastifyBaseLogger } from 'fastify'
import { catalogue } from '../../errors.js'
import type { Metrics } from '../../metrics/metrics.js'
import type { Problem } from '../schemas/problem.js'
import { type PublicCode, statusOf } from '../status.js'

/** Codes of Node's parser and server; any other one means an unreadable request. */
const knownCodes: Readonly<Record<string, PublicCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_INVALID_METHOD: 'method_not_allowed',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
}

/** Methods that some route supports; which one was meant is unknown here. */
const methods = 'DELETE, GET, HEAD, PATCH, POST, PUT'

/** @returns Fastify's `clientErrorHandler` */
export function answerUnreadable({
  logger,
  metrics,
}: {
  logger: FastifyBaseLogger
  metrics: Metrics
}): (error: ConnectionError, socket: Socket) => void {
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return
    const code = knownCodes[error.code] ?? 'request_invalid'
    const problem: Problem = {
      type: `urn:alike:problem:${code}`,
      title: catalogue[code],
      status: statusOf(code),
      code,
      requestId: randomUUID(),
    }
    logger.info({ requestId: problem.requestId, code, parserCode: error.code }, 'request could not be read')
    metrics.countRequest('unknown', 'unmatched', problem.status)
    if (socket.writable) socket.write(answerOf(problem))
    socket.destroy()
  }
}

function answerOf(problem: Problem): string {
  const body = JSON.stringify(problem)
  return [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${problem.requestId}`,
    'connection: close',
    ...(problem.code === 'method_not_allowed' ? [`allow: ${methods}`] : []),
    '',
    body,
  ].join('\r\n')
}

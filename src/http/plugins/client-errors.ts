/**
 * Requests that are not HTTP, have endless headers or never arrive: answered on the bare socket, because there is no
 * request object, after the requests before them. The parser's error contains the raw bytes, possibly an API key, so it is never logged as a whole.
 */
import { randomUUID } from 'node:crypto'
import { type IncomingMessage, maxHeaderSize, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionError, FastifyBaseLogger } from 'fastify'
import { catalogue } from '../../errors.js'
import type { Metrics } from '../../metrics/metrics.js'
import { gone } from '../client-gone.js'
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

/** Usually a filter by many ids, or much metadata. */
const tooLargeDetail = `They may have ${maxHeaderSize} bytes. Parameters of uploads and searches may be in a form or JSON body instead; POST …/ingest takes deletions of many ids as NDJSON lines.`

/** The last request that a connection brought. */
interface LastRequest {
  request: IncomingMessage
  answer: ServerResponse
  /** Answers that the connection still owes, to this and earlier requests: a client need not wait for one to send the next. */
  owed: Set<ServerResponse>
}

/** Answers what could not be read as a request. */
export interface UnreadableRequests {
  /** Fastify's `clientErrorHandler`. */
  answer(error: ConnectionError, socket: Socket): void
  /** Learns which connections owe answers; call it before the server listens. */
  follow(server: Server): void
}

export function answerUnreadable({
  logger,
  metrics,
}: {
  logger: FastifyBaseLogger
  metrics: Metrics
}): UnreadableRequests {
  const lastRequests = new WeakMap<Socket, LastRequest>()
  const failed = new WeakSet<Socket>()
  return {
    answer(error, socket) {
      // what still arrives is as unreadable
      if (error.code === 'ECONNRESET' || socket.destroyed || failed.has(socket)) return
      failed.add(socket)
      const last = lastRequests.get(socket)
      const broken = last?.request.complete === false ? last.answer : undefined
      const problem = problemOf(error, broken !== undefined)
      logger.info(
        { requestId: problem.requestId, code: problem.code, parserCode: error.code },
        'request could not be read',
      )
      if (broken === undefined) metrics.countRequest('unknown', 'unmatched', problem.status)
      else if (!broken.headersSent) broken.statusCode = problem.status // counted by its route, see `request-metrics.ts`
      const before = [...(last?.owed ?? [])].filter((answer) => answer !== broken || answer.headersSent)
      void Promise.all(before.map((raw) => gone({ raw }))).then(() => {
        if (socket.writable && !broken?.headersSent) socket.write(answerOf(problem))
        socket.destroy()
      })
    },
    follow(server) {
      server.on('request', (request: IncomingMessage, answer: ServerResponse) => {
        const owed = lastRequests.get(request.socket)?.owed ?? new Set()
        owed.add(answer)
        answer.once('close', () => owed.delete(answer))
        lastRequests.set(request.socket, { request, answer, owed })
      })
    },
  }
}

function problemOf(error: ConnectionError, inBody: boolean): Problem {
  const { code: parserCode } = error
  const isCutOff = inBody && parserCode === 'HPE_INVALID_EOF_STATE'
  const code = isCutOff ? 'body_incomplete' : (knownCodes[parserCode] ?? 'request_invalid')
  return {
    type: `urn:alike:problem:${code}`,
    title: catalogue[code],
    status: statusOf(code),
    code,
    detail: detailOf(code, error),
    requestId: randomUUID(),
  }
}

function detailOf(
  code: PublicCode,
  { code: parserCode, reason }: ConnectionError & { reason?: string },
): string | undefined {
  if (code === 'headers_too_large') return tooLargeDetail
  if (code !== 'request_invalid') return undefined
  if (parserCode === 'HPE_INVALID_URL') return 'The URL has characters that must be percent-encoded.'
  // one of the parser's own texts, without any bytes of the request
  return reason && `It is not valid HTTP/1.1: ${reason}.`
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

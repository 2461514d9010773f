/** CORS: which pages of other origins may call the service from a browser, on answers, errors and for preflights. */
import cors from '@fastify/cors'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** Headers that a page may read, besides those that it always may, such as `Content-Type` and `Content-Length`. */
const exposedHeaders = [
  'Accept-Ranges',
  'Allow',
  'Content-Disposition',
  'Content-Range',
  'ETag',
  'Location',
  'Retry-After',
  'WWW-Authenticate',
  'X-Request-Id',
]
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
/** How long browsers cache a preflight; Chromium at most two hours. */
const preflightMaxAgeSeconds = 7_200

/** @param origins `*` or exact ones; none: no headers are sent, like a service without CORS */
export async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return
  await app.register(cors, {
    delegator: (request, done) =>
      done(null, {
        origin: origins.includes('*') ? '*' : [...origins],
        methods,
        exposedHeaders,
        maxAge: preflightMaxAgeSeconds,
        // any other OPTIONS is a method that no route supports
        preflight: isPreflight(request),
      }),
  })
}

/** The same for answers sent before routing, which no plugin sees. */
export function answerOrigin({ headers }: FastifyRequest, reply: FastifyReply, origins: readonly string[]): void {
  if (origins.length === 0) return
  if (origins.includes('*')) reply.header('access-control-allow-origin', '*')
  else {
    reply.header('vary', 'Origin')
    if (!origins.includes(headers.origin ?? '')) return
    reply.header('access-control-allow-origin', headers.origin)
  }
  reply.header('access-control-expose-headers', exposedHeaders.join(', '))
}

function isPreflight({ headers }: FastifyRequest): boolean {
  return headers.origin !== undefined && headers['access-control-request-method'] !== undefined
}

/** One count and one log line for each request, by its route pattern. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Metrics } from '../../metrics/metrics.js'

/** Requested every few seconds by machines: not worth a log line or a trace. */
export const quietRoutes: ReadonlySet<string> = new Set(['/livez', '/readyz', '/metrics'])

export function measureRequests(app: FastifyInstance, { metrics }: { metrics: Metrics }): void {
  const answered = new WeakSet<FastifyRequest>()

  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    // 'onResponse' is not called for clients that disconnect before their answer; 'close' is called for all.
    reply.raw.once('close', () => {
      if (answered.has(request)) return
      // one whose body broke has been answered on the bare socket, see `client-errors.ts`
      const isRefused = reply.raw.statusCode >= 400
      const status = isRefused ? reply.raw.statusCode : clientLeft
      metrics.countRequest(request.method, routeOf(request), status)
      request.log.info(
        { method: request.method, path: pathOf(request), status },
        isRefused ? 'request refused, and its connection closed' : 'the client disconnected before the answer',
      )
    })
  })

  app.addHook('onResponse', async (request, reply) => {
    answered.add(request)
    const route = routeOf(request)
    metrics.countRequest(request.method, route, reply.statusCode)
    const line = {
      method: request.method,
      path: pathOf(request),
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime * 10) / 10,
    }
    request.log[quietRoutes.has(route) ? 'debug' : 'info'](line, 'request answered')
  })
}

/** The pattern (`/v1/galleries/:gallery`): URLs themselves would create a series each. */
function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? 'unmatched'
}

/** Without the query string, which may contain anything: a key, a picture, a vector. */
export function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? ''
}

/** The status that proxies log in this case; never sent. */
const clientLeft = 499

/** One count and one line in the log for each request, under its route pattern. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Metrics } from '../../metrics/metrics.js'

/** Asked every few seconds by machines: not worth a line each. */
const quietRoutes = new Set(['/livez', '/readyz', '/metrics'])

export function measureRequests(app: FastifyInstance, { metrics }: { metrics: Metrics }): void {
  const answered = new WeakSet<FastifyRequest>()

  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id)
    // 'onResponse' does not come for clients that leave before their answer; 'close' comes for all.
    reply.raw.once('close', () => {
      if (answered.has(request)) return
      metrics.countRequest(request.method, routeOf(request), clientLeft)
      request.log.info({ method: request.method, path: pathOf(request) }, 'the client left before its answer')
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

/** The pattern (`/v1/galleries/:gallery`): addresses themselves would make a series each. */
function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? 'unmatched'
}

/** Without its query, into which a caller can put anything: a key, a picture, a vector. */
function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? ''
}

/** The status that proxies log for it; never sent. */
const clientLeft = 499

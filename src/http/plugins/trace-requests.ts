/**
 * A trace for each request, if tracing is enabled; a caller's trace id in the log and in problem documents, if it sends
 * one.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { QueryDurations } from '../../retrieval.js'
import { parseTraceparent, type RequestTrace, type Tracing } from '../../tracing/tracing.js'
import { whenGone } from '../client-gone.js'
import { pathOf, quietRoutes } from './request-metrics.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** If tracing is enabled. */
    trace: RequestTrace | undefined
    /** Id of its trace; empty if there is none. */
    traceId: string
  }
}

export function traceRequests(app: FastifyInstance, tracing: Tracing | undefined): void {
  app.decorateRequest('trace', undefined)
  app.decorateRequest('traceId', '')
  app.addHook('onRequest', (request, reply, done) => {
    const { traceparent, tracestate } = request.headers as Record<string, string | undefined>
    if (tracing !== undefined && !quietRoutes.has(request.routeOptions.url ?? '')) {
      const trace = tracing.request({ traceparent, tracestate })
      request.trace = trace
      request.traceId = trace.traceId
      whenGone(reply, () => {
        const { statusCode: status } = reply
        const job = /^.*\/v1\/jobs\/([^/]+)$/.exec(String(reply.getHeader('location') ?? ''))?.[1]
        if (status === 202 && job !== undefined) tracing.expectJob(job, trace)
        trace.end(
          `${request.method} ${request.routeOptions.url ?? ''}`.trim(),
          attributesOf(request, status),
          status >= 500,
        )
      })
    } else if (traceparent !== undefined) request.traceId = parseTraceparent(traceparent)?.traceId ?? ''
    if (request.traceId !== '') request.log = request.log.child({ traceId: request.traceId })
    done()
  })
}

/** The stages of a query, one after another, ending now. */
export function traceStages(trace: RequestTrace | undefined, durations: QueryDurations, method: string): void {
  if (trace === undefined) return
  const { queueMs, decodeMs, embedMs, searchMs, totalMs } = durations
  let at = performance.now() - totalMs
  for (const [stage, durationMs] of Object.entries({ decode: decodeMs, queue: queueMs, embed: embedMs })) {
    if (durationMs > 0) trace.part(stage, at, durationMs)
    at += durationMs
  }
  trace.part('search', performance.now() - searchMs, searchMs, { 'alike.search.method': method })
}

/** Following OpenTelemetry's conventions for HTTP. */
function attributesOf(request: FastifyRequest, status: number) {
  const { gallery } = (request.params ?? {}) as { gallery?: string }
  return {
    'http.request.method': request.method,
    'http.response.status_code': status,
    'url.path': pathOf(request),
    'client.address': request.ip,
    'alike.request.id': request.id,
    'http.route': request.routeOptions.url,
    'alike.gallery': gallery,
    'enduser.id': request.keyName || undefined,
    'error.type': request.problemCode || undefined,
  }
}

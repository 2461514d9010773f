/** `GET /metrics`: scraped by Prometheus. */
import { Type } from 'typebox'
import type { Metrics } from '../../metrics/metrics.js'
import type { Routes } from '../typed-app.js'

export interface MetricsRouteOptions {
  metrics: Metrics
}

export const metricsRoutes: Routes<MetricsRouteOptions> = async (app, { metrics }) => {
  app.get(
    '/metrics',
    {
      config: { role: 'read', verb: 'metrics' },
      schema: {
        operationId: 'getMetrics',
        tags: ['operations'],
        summary: 'Metrics for Prometheus',
        response: {
          200: {
            description: 'Prometheus text format; durations in seconds.',
            content: { 'text/plain': { schema: Type.String() } },
          },
        },
      },
    },
    async (_request, reply) => {
      const { contentType, text } = await metrics.expose()
      return reply.type(contentType).serializer(String).send(text)
    },
  )
}

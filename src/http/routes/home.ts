/** `GET /v1`: links to the main resources. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { serviceVersion } from '../../version.js'

const Home = Type.Object({
  name: Type.String(),
  version: Type.String(),
  links: Type.Record(Type.String(), Type.String()),
})

export interface HomeRouteOptions {
  basePath: string
}

export const homeRoutes: FastifyPluginAsyncTypebox<HomeRouteOptions> = async (app, { basePath }) => {
  app.get(
    '/v1',
    {
      config: { role: 'open' },
      schema: {
        operationId: 'getHome',
        tags: ['operations'],
        summary: 'Name, version and links',
        response: { 200: { description: 'Links to the main resources.', ...Home } },
      },
    },
    async () => ({
      name: 'Alike',
      version: serviceVersion,
      links: {
        reference: `${basePath}/docs`,
        contract: `${basePath}/openapi.yaml`,
        galleries: `${basePath}/v1/galleries`,
        jobs: `${basePath}/v1/jobs`,
        models: `${basePath}/v1/models`,
        ready: `${basePath}/readyz`,
        metrics: `${basePath}/metrics`,
      },
    }),
  )
}

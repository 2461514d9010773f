/** `GET /v1`: links to the main resources. `GET /v1/caller`: what the caller may do. */
import { Type } from 'typebox'
import { type Verb, verbs } from '../../access/grants.js'
import { jobKinds } from '../../jobs/job.js'
import type { RemoteImages } from '../../remote/remote-images.js'
import { serviceVersion } from '../../version.js'
import { jobRoles } from '../job-roles.js'
import { Caller } from '../schemas/caller.js'
import { reference } from '../schemas/named.js'
import type { Routes, TypedApp } from '../typed-app.js'

const Home = Type.Object({
  name: Type.String(),
  version: Type.String(),
  links: Type.Record(Type.String(), Type.String()),
})

export interface HomeRouteOptions {
  basePath: string
  /** 0 for that of the service itself. */
  metricsPort: number
  remote: Pick<RemoteImages, 'isEnabled'>
}

export const homeRoutes: Routes<HomeRouteOptions> = async (app, options) => {
  getHome(app, options)
  getCaller(app, options)
}

function getHome(app: TypedApp, { basePath, metricsPort }: HomeRouteOptions): void {
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
        ...(metricsPort === 0 && { metrics: `${basePath}/metrics` }),
      },
    }),
  )
}

function getCaller(app: TypedApp, { remote }: HomeRouteOptions): void {
  app.get(
    '/v1/caller',
    {
      config: { role: 'any', galleries: 'none' },
      schema: {
        operationId: 'getCaller',
        tags: ['operations'],
        summary: 'What the caller may do',
        description:
          'Of the key or token sent with the request, so that a client need not offer what would be refused.',
        response: {
          200: {
            description: 'Its name, verbs, kinds of jobs and galleries, and whether pictures may be given by URL.',
            ...reference(Caller),
          },
        },
      },
    },
    async ({ keyName, grant }) => {
      const granted: ReadonlySet<Verb> = grant?.verbs ?? new Set(verbs)
      return {
        name: grant === undefined ? null : keyName,
        verbs: [...granted],
        jobs: jobKinds.filter((kind) => granted.has(jobRoles[kind])),
        galleries: grant?.galleries === undefined ? null : [...grant.galleries],
        urls: remote.isEnabled,
      }
    },
  )
}

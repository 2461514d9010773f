/** `/v1/galleries/{gallery}/sets`, `…/serving`: another model for a gallery, built beside the one that serves, compared, and exchanged. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import type { EmbeddingSets } from '../../re-embedding/embedding-sets.js'
import { BuildBody, EmbeddingSetList, ServingBody, SetPath, setView } from '../schemas/embedding-set.js'
import { Job, jobView } from '../schemas/job.js'
import { reference } from '../schemas/named.js'
import { GalleryPath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'

export interface EmbeddingSetRouteOptions {
  sets: EmbeddingSets
}

const tags = ['models']

export const embeddingSetRoutes: FastifyPluginAsyncTypebox<EmbeddingSetRouteOptions> = async (app, { sets }) => {
  // A model decides what every score means.
  const admin = { role: 'admin' } as const
  const told = async (gallery: string) => ({ sets: (await sets.list(gallery)).map((set) => setView(gallery, set)) })

  app.get(
    '/v1/galleries/:gallery/sets',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'listEmbeddingSets',
        tags,
        summary: 'List a gallery’s embedding sets side by side',
        params: GalleryPath,
        response: {
          200: { description: 'In the order of their making; one of them serves.', ...EmbeddingSetList },
          ...problems(400, 404),
        },
      },
    },
    (request) => told(request.params.gallery),
  )

  app.post(
    '/v1/galleries/:gallery/sets',
    {
      config: admin,
      schema: {
        operationId: 'buildEmbeddingSet',
        tags,
        summary: 'Build another embedding set beside the one that serves',
        description:
          'A job embeds the gallery’s pictures by another model, from what was kept of them, behind searches; then both sets are judged on the gallery’s own labels. What is changed meanwhile, and from then on, is brought to both. Asked for again, the set is compared and judged again; a job that is not over is told instead.',
        params: GalleryPath,
        body: { content: { 'application/json': { schema: BuildBody } } },
        response: {
          200: { description: 'The job that is at it already.', ...reference(Job) },
          202: { description: 'The job that builds and judges it.', ...reference(Job) },
          ...problems(400, 404, 409, 415, 429, 503, 507),
        },
      },
    },
    async (request, reply) => {
      const { model, ...wishes } = request.body as Static<typeof BuildBody>
      const { job, pace, created } = await sets.build(request.params.gallery, model, wishes)
      return reply
        .code(created ? 202 : 200)
        .header('location', `/v1/jobs/${job.id}`)
        .send(jobView(job, pace))
    },
  )

  app.delete(
    '/v1/galleries/:gallery/sets/:model',
    {
      config: admin,
      schema: {
        operationId: 'removeEmbeddingSet',
        tags,
        summary: 'Remove an embedding set that does not serve',
        description: 'With its job, if one is not over.',
        params: SetPath,
        response: {
          204: { description: 'It has been deleted.', ...Type.Null() },
          ...problems(400, 404, 409, 429, 507),
        },
      },
    },
    async (request, reply) => {
      await sets.remove(request.params.gallery, request.params.model)
      return reply.code(204).send(null)
    },
  )

  app.put(
    '/v1/galleries/:gallery/serving',
    {
      config: admin,
      schema: {
        operationId: 'serveEmbeddingSet',
        tags,
        summary: 'Let another embedding set serve a gallery, or the one before again',
        description:
          'In one step: searches under way end with the set they began with. The set that served is kept up to date for `SET_KEPT_DAYS`, and the same call rolls back to it. Unless it is forced, a set that was not found good enough is refused with `gate_not_passed`, and one that lacks pictures of the gallery, as those were uploaded without being kept, with `originals_missing`.',
        params: GalleryPath,
        body: { content: { 'application/json': { schema: ServingBody } } },
        response: {
          200: { description: 'The sets as they are now.', ...EmbeddingSetList },
          ...problems(400, 404, 409, 415, 429, 503, 507),
        },
      },
    },
    async (request) => {
      const { gallery } = request.params
      const { model, force } = request.body as Static<typeof ServingBody>
      await sets.serve(gallery, model, { force })
      return told(gallery)
    },
  )
}

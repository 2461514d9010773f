/**
 * `/v1/galleries/{gallery}/sets`, `…/serving`: another model for a gallery, built in the background, compared, and
 * switched to.
 */
import { type Static, Type } from 'typebox'
import type { EmbeddingSets } from '../../re-embedding/embedding-sets.js'
import { sendJob } from '../accepted-job.js'
import { jobRoles } from '../job-roles.js'
import { BuildBody, EmbeddingSetList, ServingBody, SetPath, setView } from '../schemas/embedding-set.js'
import { Job } from '../schemas/job.js'
import { reference } from '../schemas/named.js'
import { GalleryPath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import type { Answered, Routes, TypedApp } from '../typed-app.js'

export interface EmbeddingSetRouteOptions {
  sets: EmbeddingSets
}

const tags = ['models']
// A model determines the meaning of every score.
const admin = { role: 'admin' } as const

export const embeddingSetRoutes: Routes<EmbeddingSetRouteOptions> = async (app, options) => {
  listEmbeddingSets(app, options)
  buildEmbeddingSet(app, options)
  removeEmbeddingSet(app, options)
  serveEmbeddingSet(app, options)
}

function listEmbeddingSets(app: TypedApp, { sets }: EmbeddingSetRouteOptions): void {
  app.get(
    '/v1/galleries/:gallery/sets',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'listEmbeddingSets',
        tags,
        summary: 'List a gallery’s embedding sets',
        params: GalleryPath,
        response: {
          200: { description: 'In order of creation; one of them serves.', ...EmbeddingSetList },
          ...problems(400, 404),
        },
      },
    },
    (request) => listed(sets, request.params.gallery),
  )
}

function buildEmbeddingSet(app: TypedApp, { sets }: EmbeddingSetRouteOptions): void {
  app.post(
    '/v1/galleries/:gallery/sets',
    {
      config: { role: jobRoles['re-embedding'] },
      schema: {
        operationId: 'buildEmbeddingSet',
        tags,
        summary: 'Build another embedding set in the background',
        description:
          'A job embeds the gallery’s pictures with another model, from their originals, at lower priority than searches; then both sets are judged on the gallery’s own labels. Writes are applied to both sets, during the job and afterwards. Repeating the request compares and judges the set again; if a job is still running, that job is returned instead.',
        params: GalleryPath,
        body: BuildBody,
        response: {
          200: { description: 'The job that is already running.', ...reference(Job) },
          202: { description: 'The job that builds and judges it.', ...reference(Job) },
          ...problems(400, 404, 409, 415, 422, 429, 503, 507),
        },
      },
    },
    async (request, reply) => {
      const { model, ...wishes } = request.body as Static<typeof BuildBody>
      const { created, ...report } = await sets.build(request.params.gallery, model, wishes)
      return sendJob(reply, report, created ? 202 : 200)
    },
  )
}

function removeEmbeddingSet(app: TypedApp, { sets }: EmbeddingSetRouteOptions): void {
  app.delete(
    '/v1/galleries/:gallery/sets/:model',
    {
      config: admin,
      schema: {
        operationId: 'removeEmbeddingSet',
        tags,
        summary: 'Delete an embedding set that does not serve',
        description: 'Cancels its job, if one is unfinished.',
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
}

function serveEmbeddingSet(app: TypedApp, { sets }: EmbeddingSetRouteOptions): void {
  app.put(
    '/v1/galleries/:gallery/serving',
    {
      config: admin,
      schema: {
        operationId: 'serveEmbeddingSet',
        tags,
        summary: 'Switch a gallery to another embedding set, or back',
        description:
          'In one step: searches in progress finish with the set they began with. The previous set is kept up to date for `SET_KEPT_DAYS`, and the same call rolls back to it. Unless forced, a set that did not pass the quality gate is refused with `gate_not_passed`, and one that lacks pictures because their originals were not kept with `originals_missing`.',
        params: GalleryPath,
        body: ServingBody,
        response: {
          200: { description: 'The current state of the sets.', ...EmbeddingSetList },
          ...problems(400, 404, 409, 415, 429, 503, 507),
        },
      },
    },
    async (request) => {
      const { gallery } = request.params
      const { model, force } = request.body as Static<typeof ServingBody>
      await sets.serve(gallery, model, { force })
      return listed(sets, gallery)
    },
  )
}

async function listed(sets: EmbeddingSets, gallery: string): Promise<Answered<typeof EmbeddingSetList>> {
  return { sets: (await sets.list(gallery)).map((set) => setView(gallery, set)) }
}

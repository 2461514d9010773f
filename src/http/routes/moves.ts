/** `/v1/galleries/{gallery}/move`: a gallery goes to live in another engine, while it serves. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import type { GalleryMoves } from '../../re-embedding/gallery-moves.js'
import { Job, jobView } from '../schemas/job.js'
import { MoveBody } from '../schemas/move.js'
import { reference } from '../schemas/named.js'
import { GalleryPath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'

export interface MoveRouteOptions {
  moves: GalleryMoves
}

export const moveRoutes: FastifyPluginAsyncTypebox<MoveRouteOptions> = async (app, { moves }) => {
  app.post(
    '/v1/galleries/:gallery/move',
    {
      config: { role: 'admin' },
      schema: {
        operationId: 'moveGallery',
        tags: ['galleries'],
        summary: 'Move a gallery to another engine while it serves',
        description:
          'A job copies every picture as it is stored, without embedding it again; what is changed meanwhile is brought to the copy. Then all pictures of both are compared, and the copy serves in one step; where it is not the same, the job fails with `move_differs` and nothing changes. What the gallery lived in before is brought up to date for `SET_KEPT_DAYS`: the same call moves back, in the time of a comparison. `DELETE …/sets/{model}` of the gallery’s model removes that copy.',
        params: GalleryPath,
        body: { content: { 'application/json': { schema: MoveBody } } },
        response: {
          202: { description: 'The job that moves it.', ...reference(Job) },
          ...problems(400, 404, 409, 415, 422, 429, 503, 507),
        },
      },
    },
    async (request, reply) => {
      const { engine, ...wishes } = request.body as Static<typeof MoveBody>
      const { job, pace } = await moves.begin(request.params.gallery, engine, wishes)
      return reply.code(202).header('location', `/v1/jobs/${job.id}`).send(jobView(job, pace))
    },
  )
}

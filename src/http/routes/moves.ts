/** `/v1/galleries/{gallery}/move`: moves a gallery to another engine while it serves. */
import type { Static } from 'typebox'
import type { GalleryMoves } from '../../re-embedding/gallery-moves.js'
import { sendJob } from '../accepted-job.js'
import { jobRoles } from '../job-roles.js'
import { Job } from '../schemas/job.js'
import { MoveBody } from '../schemas/move.js'
import { reference } from '../schemas/named.js'
import { GalleryPath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import type { Routes } from '../typed-app.js'

export interface MoveRouteOptions {
  moves: GalleryMoves
}

export const moveRoutes: Routes<MoveRouteOptions> = async (app, { moves }) => {
  app.post(
    '/v1/galleries/:gallery/move',
    {
      config: { role: jobRoles.move },
      schema: {
        operationId: 'moveGallery',
        tags: ['galleries'],
        summary: 'Move a gallery to another engine while it serves',
        description:
          'A job copies every stored picture, without embedding it again; changes made in the meantime are applied to the copy. Then all pictures of both are compared, and the gallery switches to the copy in one step; if the two differ, the job fails with `move_differs` and nothing changes. The previous storage is kept up to date for `SET_KEPT_DAYS`: the same call moves the gallery back, in the time of a comparison. `DELETE …/sets/{model}` with the gallery’s model deletes that copy.',
        params: GalleryPath,
        body: MoveBody,
        response: {
          202: { description: 'The job that moves it.', ...reference(Job) },
          ...problems(400, 404, 409, 415, 422, 429, 503, 507),
        },
      },
    },
    async (request, reply) => {
      const { engine, ...wishes } = request.body as Static<typeof MoveBody>
      return sendJob(reply, await moves.begin(request.params.gallery, engine, wishes))
    },
  )
}

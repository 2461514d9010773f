/** `/v1/galleries/{gallery}/layout`: a two-dimensional map of a gallery, computed by a job and stored. */
import type { Analyses } from '../../analysis/analyses.js'
import { LayoutParameters, layoutTask } from '../../analysis/findings/parameters.js'
import { AlikeError } from '../../errors.js'
import type { Galleries } from '../../gallery/galleries.js'
import type { LayoutPlace } from '../../gallery/layout.js'
import { sendJob } from '../accepted-job.js'
import type { AnswerBytes } from '../answer-bytes.js'
import { clientGone } from '../client-gone.js'
import { jobRoles } from '../job-roles.js'
import { inTurns } from '../json-in-turns.js'
import { ListCursors, notIssued } from '../list-cursors.js'
import { Job, JobWishParameters } from '../schemas/job.js'
import { Layout, LayoutListParameters } from '../schemas/layout.js'
import { reference } from '../schemas/named.js'
import { GalleryPath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import type { Routes, TypedApp } from '../typed-app.js'

export interface LayoutRouteOptions {
  analyses: Analyses
  galleries: Galleries
  answers: AnswerBytes
}

const tags = ['analysis']
const pointsOfPage = 10_000
/** Size of a point in an answer, besides id and label. */
const pointBytes = 80

export const layoutRoutes: Routes<LayoutRouteOptions> = async (app, options) => {
  layOut(app, options)
  getLayout(app, options)
}

function layOut(app: TypedApp, { analyses }: LayoutRouteOptions): void {
  app.post(
    '/v1/galleries/:gallery/layout',
    {
      config: { role: jobRoles.layout },
      schema: {
        operationId: 'layOut',
        tags,
        summary: 'Lay a gallery out in two dimensions',
        description:
          'Principal components, then UMAP of a sample; the others are placed among their nearest pictures of it. The result replaces the previous layout. The body is optional.',
        params: GalleryPath,
        querystring: JobWishParameters,
        body: { content: { 'application/json': { schema: LayoutParameters } } },
        response: {
          202: { description: 'The job that will compute the layout.', ...reference(Job) },
          ...problems(400, 404, 409, 415, 422, 429, 503, 507),
        },
      },
    },
    async (request, reply) => {
      const task = layoutTask((request.body ?? {}) as Parameters<typeof layoutTask>[0])
      return sendJob(reply, await analyses.accept(request.params.gallery, task, request.query))
    },
  )
}

function getLayout(app: TypedApp, { galleries, answers }: LayoutRouteOptions): void {
  app.get(
    '/v1/galleries/:gallery/layout',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'getLayout',
        tags,
        summary: 'Read the points of a gallery’s layout, page by page',
        description:
          'The newest finished layout; `stale` if the gallery has changed since. A cursor of a layout that has been replaced is refused with `page_expired`.',
        params: GalleryPath,
        querystring: LayoutListParameters,
        response: {
          200: { description: 'One page of points.', ...reference(Layout) },
          ...problems(400, 404, 410, 422, 429),
        },
      },
    },
    async (request, reply) => {
      const { gallery } = request.params
      const { limit = pointsOfPage, cursor } = request.query
      const layout = await galleries.sets.layout(gallery)
      const about = await layout.about()
      if (about === undefined) throw new AlikeError('layout_missing')
      const { generation, mark, modelId, madeAt, method, images } = about
      const cursors = new ListCursors('layout', gallery)
      const place = cursor === undefined ? { generation, position: 0 } : placeOf(cursors.placeOf(cursor), generation)
      const { points, next } = await layout.page(limit, place)
      answers.of(reply).take(bytesOf(points))
      const stale = (await layout.mark()) !== mark
      const nextCursor = next && cursors.at(`${next.generation} ${next.position}`)
      const page = { gallery, modelId, madeAt, method, pictures: images, stale, points, nextCursor }
      return inTurns(page, reply, clientGone(reply))
    },
  )
}

/** Estimated, before they are written. */
function bytesOf(points: readonly { id: string; label: string | null }[]): number {
  return points.reduce((sum, { id, label }) => sum + pointBytes + 2 * (id.length + (label?.length ?? 0)), 0)
}

/** @throws AlikeError `request_invalid`, `page_expired` */
function placeOf(text: string, generation: number): LayoutPlace {
  const [, ofLayout, position] = /^(\d{1,15}) (\d{1,15})$/.exec(text) ?? []
  if (position === undefined) throw notIssued()
  if (Number(ofLayout) !== generation)
    throw new AlikeError('page_expired', { detail: 'There is a newer layout; start from its first page.' })
  return { generation, position: Number(position) }
}

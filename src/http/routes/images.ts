/** `/v1/galleries/{gallery}/images`: list stored pictures, change and delete those that match. */
import type { Static } from 'typebox'
import type { Config } from '../../config/config.js'
import type { Filter } from '../../gallery/filter.js'
import type { Galleries } from '../../gallery/galleries.js'
import { ImageEdit } from '../../ingest/line-schemas.js'
import type { AnswerBytes } from '../answer-bytes.js'
import { clientGone } from '../client-gone.js'
import { storableChange } from '../given-change.js'
import { filterOf } from '../given-filter.js'
import { pageOfImages } from '../image-pages.js'
import { listInTurns } from '../json-in-turns.js'
import { ChangedCount, ImageList, ImageListParameters, Removal, SelectionParameters } from '../schemas/image.js'
import { GalleryPath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import type { Routes, TypedApp } from '../typed-app.js'
import { invalidIn } from '../validation.js'

export interface ImagesRouteOptions {
  galleries: Galleries
  answers: AnswerBytes
  config: Config
}

const tags = ['images']

export const imagesRoutes: Routes<ImagesRouteOptions> = async (app, options) => {
  listImages(app, options)
  changeImages(app, options)
  deleteImages(app, options)
}

function listImages(app: TypedApp, { galleries, answers }: ImagesRouteOptions): void {
  app.get(
    '/v1/galleries/:gallery/images',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'listImages',
        tags,
        summary: 'List pictures, page by page',
        params: GalleryPath,
        querystring: ImageListParameters,
        response: {
          200: {
            description:
              'One page. Pictures added in the meantime may or may not appear on later pages. It can have fewer entries than `limit` if they would exceed the maximum size of an answer: `nextCursor` tells whether more follow.',
            ...ImageList,
          },
          ...problems(400, 404, 409, 429),
        },
      },
    },
    async (request, reply) => {
      const { limit = 100, cursor, label, filter, include = [], vectorFormat } = request.query
      const narrowed =
        filter === undefined ? { label: label === '' ? null : label } : { filter: filterOf({ label, filter }) }
      const { gallery } = request.params
      const vectors = include.includes('vector')
      const page = { limit, cursor, narrowed, vectors, vectorFormat, grant: request.grant }
      const slices = await pageOfImages(galleries, gallery, page)
      const onBytes = (bytes: number) => answers.of(reply).take(bytes)
      return listInTurns('images', slices, { reply, signal: clientGone(reply), onBytes })
    },
  )
}

function changeImages(app: TypedApp, { galleries, config }: ImagesRouteOptions): void {
  app.patch(
    '/v1/galleries/:gallery/images',
    {
      config: { role: 'write' },
      schema: {
        operationId: 'changeImages',
        tags,
        summary: 'Change every picture that matches',
        description:
          'Label or metadata, by `label`, by `filter`, or by both; without either it is refused. Pictures are changed in groups: an answer other than 200 may have changed some, and the same request changes the rest. Damaged ones stay as they are. Changes that differ from picture to picture are `patch` lines of an NDJSON ingestion.',
        params: GalleryPath,
        querystring: SelectionParameters,
        body: ImageEdit,
        response: {
          200: { description: 'They have been changed.', ...ChangedCount },
          ...problems(400, 404, 409, 415, 429, 503, 507),
        },
      },
    },
    async (request, reply) => {
      const change = storableChange(request.body, config)
      const filter = selection(request.query, 'to change all of them, filter {"field":"id","exists":true}')
      const { gallery } = request.params
      return { changed: await galleries.images.changeFitting(gallery, { filter, change, signal: clientGone(reply) }) }
    },
  )
}

/** @throws RequestInvalid where neither label nor filter selects pictures */
function selection(given: Static<typeof SelectionParameters>, ofAll: string): Filter {
  const filter = filterOf(given)
  if (filter !== undefined) return filter
  throw invalidIn('query')('filter', `or label must select the pictures; ${ofAll}`)
}

function deleteImages(app: TypedApp, { galleries }: ImagesRouteOptions): void {
  app.delete(
    '/v1/galleries/:gallery/images',
    {
      config: { role: 'write' },
      schema: {
        operationId: 'deleteImages',
        tags,
        summary: 'Delete every picture that matches',
        description:
          'By `label`, by `filter`, or by both; without either it is refused. Pictures are deleted in groups: an answer other than 200 may have deleted some, and the same request deletes the rest.',
        params: GalleryPath,
        querystring: SelectionParameters,
        response: {
          200: { description: 'They have been deleted; searches no longer find them.', ...Removal },
          ...problems(400, 404, 429, 503, 507),
        },
      },
    },
    async (request, reply) => {
      const filter = selection(request.query, 'to delete all of them, delete the gallery')
      return { removed: await galleries.images.removeFitting(request.params.gallery, filter, clientGone(reply)) }
    },
  )
}

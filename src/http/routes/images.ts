/** `/v1/galleries/{gallery}/images`: read, change, delete and list stored pictures. */
import { type Static, Type } from 'typebox'
import type { Config } from '../../config/config.js'
import { AlikeError } from '../../errors.js'
import type { Filter } from '../../gallery/filter.js'
import type { Galleries } from '../../gallery/galleries.js'
import type { ImageChange } from '../../gallery/records.js'
import { changeOf, ImageEdit } from '../../ingest/line-schemas.js'
import type { AnswerBytes } from '../answer-bytes.js'
import { clientGone } from '../client-gone.js'
import { etagOf, expectMatch, isKnown, preconditionOf, WriteHeaders } from '../conditions.js'
import { filterOf } from '../given-filter.js'
import { pageOfImages } from '../image-pages.js'
import { expectStorable } from '../json-body.js'
import { listInTurns } from '../json-in-turns.js'
import {
  ChangedCount,
  Image,
  ImageList,
  ImageListParameters,
  imageView,
  Removal,
  SelectionParameters,
} from '../schemas/image.js'
import { reference } from '../schemas/named.js'
import { GalleryPath, ImagePath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import type { Routes, TypedApp } from '../typed-app.js'
import { invalidIn } from '../validation.js'

export interface ImageRouteOptions {
  galleries: Galleries
  answers: AnswerBytes
  config: Config
}

const binary = Type.Unsafe<Uint8Array>({ type: 'string', format: 'binary' })

const tags = ['images']

export const imageRoutes: Routes<ImageRouteOptions> = async (app, options) => {
  listImages(app, options)
  changeImages(app, options)
  deleteImages(app, options)
  getImage(app, options)
  changeImage(app, options)
  deleteImage(app, options)
  getThumbnail(app, options)
}

function listImages(app: TypedApp, { galleries, answers }: ImageRouteOptions): void {
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
      const { limit = 100, cursor, label, filter, include = [] } = request.query
      const narrowed =
        filter === undefined ? { label: label === '' ? null : label } : { filter: filterOf({ label, filter }) }
      const { gallery } = request.params
      const vectors = include.includes('vector')
      const slices = await pageOfImages(galleries, gallery, { limit, cursor, narrowed, vectors, grant: request.grant })
      const onBytes = (bytes: number) => answers.of(reply).take(bytes)
      return listInTurns('images', slices, { reply, signal: clientGone(reply), onBytes })
    },
  )
}

function changeImages(app: TypedApp, { galleries, config }: ImageRouteOptions): void {
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

/** @throws RequestInvalid */
function storableChange(edit: ImageEdit, config: Config): ImageChange {
  for (const name of ['metadata', 'mergeMetadata'] as const)
    if (edit[name] !== undefined)
      expectStorable(edit[name], config.metadataMaxBytes, { in: 'body', pointer: `/${name}` })
  if (edit.metadata !== undefined && edit.mergeMetadata !== undefined)
    throw invalidIn('body')('mergeMetadata', 'excludes metadata')
  return changeOf(edit, config)
}

/** @throws RequestInvalid where neither label nor filter selects pictures */
function selection(given: Static<typeof SelectionParameters>, ofAll: string): Filter {
  const filter = filterOf(given)
  if (filter !== undefined) return filter
  throw invalidIn('query')('filter', `or label must select the pictures; ${ofAll}`)
}

function deleteImages(app: TypedApp, { galleries }: ImageRouteOptions): void {
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

function getImage(app: TypedApp, { galleries }: ImageRouteOptions): void {
  app.get(
    '/v1/galleries/:gallery/images/:id',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'getImage',
        tags,
        summary: 'Get a picture’s record',
        description:
          'HEAD tells whether it exists. Supports `If-Match` and `If-None-Match`. The header `ETag` is another one after every change: sent as `If-Match` with a change of your own, it makes sure that nobody has changed the picture in between.',
        params: ImagePath,
        response: {
          200: { description: 'The record.', ...reference(Image) },
          304: { description: 'It still matches the `If-None-Match` header.', ...Type.Null() },
          ...problems(400, 404, 412),
        },
      },
    },
    async (request, reply) => {
      const { gallery, id } = request.params
      const image = await galleries.images.get(gallery, id)
      if (image === undefined) throw new AlikeError('image_not_found')
      const etag = etagOf(image)
      expectMatch(request.headers['if-match'], etag)
      reply.header('etag', etag).header('cache-control', 'private, no-cache')
      if (isKnown(request.headers['if-none-match'], etag)) return reply.code(304).send(null)
      return imageView(image, request.grant)
    },
  )
}

function changeImage(app: TypedApp, { galleries, config }: ImageRouteOptions): void {
  app.patch(
    '/v1/galleries/:gallery/images/:id',
    {
      config: { role: 'write' },
      schema: {
        operationId: 'changeImage',
        tags,
        summary: 'Change label or metadata',
        params: ImagePath,
        headers: WriteHeaders,
        body: ImageEdit,
        response: {
          200: { description: 'The updated record.', ...reference(Image) },
          ...problems(400, 404, 409, 412, 415, 429, 507),
        },
      },
    },
    async (request, reply) => {
      const { gallery, id } = request.params
      const change = storableChange(request.body, config)
      const image = await galleries.images.patch(gallery, id, change, preconditionOf(request.headers))
      reply.header('etag', etagOf(image))
      return imageView(image, request.grant)
    },
  )
}

function deleteImage(app: TypedApp, { galleries }: ImageRouteOptions): void {
  app.delete(
    '/v1/galleries/:gallery/images/:id',
    {
      config: { role: 'write' },
      schema: {
        operationId: 'deleteImage',
        tags,
        summary: 'Delete a picture',
        params: ImagePath,
        headers: WriteHeaders,
        response: {
          204: { description: 'It has been deleted; searches no longer find it.', ...Type.Null() },
          ...problems(400, 404, 412, 429, 507),
        },
      },
    },
    async (request, reply) => {
      const { gallery, id } = request.params
      await galleries.images.removeOne(gallery, id, preconditionOf(request.headers))
      return reply.code(204).send(null)
    },
  )
}

const LinkQuery = Type.Object({
  expires: Type.Optional(Type.String({ description: 'End of a signed link, in seconds since 1970.' })),
  signature: Type.Optional(Type.String({ description: 'Of a signed link.' })),
})

function getThumbnail(app: TypedApp, { galleries }: ImageRouteOptions): void {
  app.get(
    '/v1/galleries/:gallery/images/:id/thumbnail',
    {
      config: { role: 'read', signedLinks: true },
      schema: {
        operationId: 'getThumbnail',
        tags,
        summary: 'Get a picture’s thumbnail',
        description:
          'Needs no key with the query of a link that a search has returned (`include=thumbnail`), if the service signs links (`THUMBNAIL_LINK_SECRET`), until it expires.',
        params: ImagePath,
        querystring: LinkQuery,
        response: {
          200: {
            description: 'The upright picture, scaled down: a JPEG, or a WebP if an earlier version stored it.',
            content: { 'image/jpeg': { schema: binary }, 'image/webp': { schema: binary } },
          },
          304: { description: 'It still matches the `If-None-Match` header.', ...Type.Null() },
          ...problems(400, 404, 409, 412),
        },
      },
    },
    async (request, reply) => {
      const { gallery, id } = request.params
      const stored = await galleries.images.thumbnail(gallery, id)
      if (stored === undefined) throw new AlikeError('image_not_found')
      const { contentHash, bytes: thumbnail } = stored
      const etag = `"${contentHash.slice(0, 32)}"`
      expectMatch(request.headers['if-match'], etag)
      // An id can get another picture at any time, so a copy may be cached but must be revalidated.
      reply.header('etag', etag).header('cache-control', 'private, no-cache')
      if (isKnown(request.headers['if-none-match'], etag)) return reply.code(304).send(null)
      if (thumbnail === undefined) throw new AlikeError('image_not_found')
      return reply
        .type(thumbnail[0] === 0xff ? 'image/jpeg' : 'image/webp')
        .send(Buffer.from(thumbnail.buffer, thumbnail.byteOffset, thumbnail.byteLength))
    },
  )
}

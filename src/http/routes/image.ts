/** `/v1/galleries/{gallery}/images/{id}`: read, change and delete one stored picture. */
import { Type } from 'typebox'
import type { Config } from '../../config/config.js'
import { AlikeError } from '../../errors.js'
import type { Galleries } from '../../gallery/galleries.js'
import { ImageEdit } from '../../ingest/line-schemas.js'
import { etagOf, expectMatch, isKnown, preconditionOf, WriteHeaders } from '../conditions.js'
import { storableChange } from '../given-change.js'
import { Image, ImageReadParameters, imageView } from '../schemas/image.js'
import { reference } from '../schemas/named.js'
import { ImagePath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import type { Routes, TypedApp } from '../typed-app.js'

export interface ImageRouteOptions {
  galleries: Galleries
  config: Config
}

const binary = Type.Unsafe<Uint8Array>({ type: 'string', format: 'binary' })

const tags = ['images']

export const imageRoutes: Routes<ImageRouteOptions> = async (app, options) => {
  getImage(app, options)
  changeImage(app, options)
  deleteImage(app, options)
  getThumbnail(app, options)
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
        querystring: ImageReadParameters,
        response: {
          200: { description: 'The record.', ...reference(Image) },
          304: { description: 'It still matches the `If-None-Match` header.', ...Type.Null() },
          ...problems(400, 404, 412),
        },
      },
    },
    async (request, reply) => {
      const { gallery, id } = request.params
      const { include = [], vectorFormat } = request.query
      const image = await galleries.images.get(gallery, id, { vectors: include.includes('vector') })
      if (image === undefined) throw new AlikeError('image_not_found')
      const { vector: _, ...record } = image
      const etag = etagOf(record)
      expectMatch(request.headers['if-match'], etag)
      reply.header('etag', etag).header('cache-control', 'private, no-cache')
      if (isKnown(request.headers['if-none-match'], etag)) return reply.code(304).send(null)
      return imageView(image, request.grant, vectorFormat)
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

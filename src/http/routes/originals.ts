/** `GET /v1/galleries/{gallery}/images/{id}/original`: a picture as it came, whole or in part. */
import type { Readable } from 'node:stream'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import parseRange from 'range-parser'
import { Type } from 'typebox'
import { AlikeError } from '../../errors.js'
import type { Galleries } from '../../gallery/galleries.js'
import type { ByteRange, OriginalStore } from '../../originals/original-store.js'
import { isKnown } from '../known-etag.js'
import { ImagePath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'

export interface OriginalRouteOptions {
  galleries: Galleries
  /** Left out: none are kept. */
  originals: OriginalStore | undefined
}

const mediaTypes: Record<string, string> = { jpeg: 'image/jpeg', svg: 'application/octet-stream', jxl: 'image/jxl' }
const binary = Type.Unsafe<Readable>({ type: 'string', format: 'binary' })

export const originalRoutes: FastifyPluginAsyncTypebox<OriginalRouteOptions> = async (
  app,
  { galleries, originals },
) => {
  app.get(
    '/v1/galleries/:gallery/images/:id/original',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'getOriginal',
        tags: ['images'],
        summary: 'Get a picture as it came',
        description:
          'Takes `Range` of bytes, `If-None-Match` and `If-Range`. Pictures that were stored before originals were kept have none.',
        params: ImagePath,
        response: {
          200: { description: 'All of it.', content: { 'image/*': { schema: binary } } },
          206: { description: 'The range that was asked for.', content: { 'image/*': { schema: binary } } },
          304: { description: 'It still matches the `If-None-Match` header.', ...Type.Null() },
          ...problems(400, 404, 416),
        },
      },
    },
    async (request, reply) => {
      const { gallery, id } = request.params
      const record = await galleries.images.get(gallery, id)
      if (record === undefined) throw new AlikeError('image_not_found')
      const { contentHash, format } = record
      const size = await originals?.size(contentHash)
      if (originals === undefined || size === undefined) throw new AlikeError('original_not_kept')
      const etag = `"${contentHash}"`
      reply.header('etag', etag).header('cache-control', 'private, no-cache').header('accept-ranges', 'bytes')
      if (isKnown(request.headers['if-none-match'], etag)) return reply.code(304).send(null)
      const range = rangeOf(request, size, etag)
      if (range !== undefined) reply.code(206).header('content-range', `bytes ${range.first}-${range.last}/${size}`)
      const { first, last } = range ?? { first: 0, last: size - 1 }
      return reply
        .type(mediaTypes[format] ?? `image/${format}`)
        .header('content-length', last - first + 1)
        .send(await originals.read(contentHash, { first, last }))
    },
  )
}

/** Several ranges at once, and what is no range, are answered with all of it. @throws AlikeError `range_not_satisfiable` */
function rangeOf({ headers }: FastifyRequest, size: number, etag: string): ByteRange | undefined {
  if (headers.range === undefined) return undefined
  const condition = headers['if-range']
  if (condition !== undefined && condition !== etag) return undefined
  const ranges = parseRange(size, headers.range, { combine: true })
  if (ranges === -1) throw new AlikeError('range_not_satisfiable', { detail: `The picture has ${size} bytes.` })
  if (ranges === -2 || ranges.type !== 'bytes' || ranges.length !== 1) return undefined
  return { first: ranges[0]!.start, last: ranges[0]!.end }
}

/** `PUT …/images/{id}` and `POST …/images`: store one picture in a gallery. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { lineBounds, misfitOfStored, readJson } from '../../bounded-json.js'
import type { Config } from '../../config/config.js'
import { AlikeError } from '../../errors.js'
import type { Metadata } from '../../gallery/metadata.js'
import type { Precondition } from '../../gallery/precondition.js'
import { misfitOfLabel, misfitOfNewId } from '../../ingest/names.js'
import { type IntakeParts, storeOne } from '../../ingest/new-image.js'
import type { RemoteImages } from '../../remote/remote-images.js'
import type { BodyMemory } from '../body-memory.js'
import { clientGone } from '../client-gone.js'
import { etagOf, preconditionOf, WriteHeaders } from '../conditions.js'
import { imageRequestReader } from '../image-request.js'
import { Image, imageView, StoreBody, StoreForm, StoreParameters } from '../schemas/image.js'
import { imageBody } from '../schemas/image-body.js'
import { reference } from '../schemas/named.js'
import { GalleryPath, NewImagePath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import type { Routes } from '../typed-app.js'
import { type Invalid, invalidIn } from '../validation.js'

export interface ImageUploadOptions {
  parts: IntakeParts & { remote: RemoteImages }
  memory: BodyMemory
  config: Config
}

const shared = {
  tags: ['images'],
  querystring: StoreParameters,
  body: imageBody(StoreForm, StoreBody),
  response: {
    200: { description: 'The id existed; it now has this picture.', ...reference(Image) },
    201: { description: 'A new picture.', ...reference(Image) },
    ...problems(400, 404, 409, 413, 415, 422, 429, 503, 507),
  },
}

export const imageUploadRoutes: Routes<ImageUploadOptions> = async (app, options) => {
  const store = storing(options)

  app.put(
    '/v1/galleries/:gallery/images/:id',
    {
      config: { role: 'write' },
      schema: {
        ...shared,
        operationId: 'putImage',
        summary: 'Store a picture under your id',
        description:
          'Replaces an existing picture. The answer is sent once the picture is on disk and found by searches. An identical picture is not embedded again.',
        params: NewImagePath,
        headers: WriteHeaders,
        response: { ...shared.response, ...problems(412) },
      },
    },
    (request, reply) => {
      const detail = misfitOfNewId(request.params.id)
      if (detail !== undefined) throw invalidIn('path')('id', detail)
      return store(request, reply, { ...request.params, onlyIf: preconditionOf(request.headers) })
    },
  )

  app.post(
    '/v1/galleries/:gallery/images',
    {
      config: { role: 'write' },
      schema: {
        ...shared,
        operationId: 'addImage',
        summary: 'Store a picture under its content hash',
        params: GalleryPath,
      },
    },
    (request, reply) => store(request, reply, request.params),
  )
}

interface StorePlace {
  gallery: string
  id?: string | undefined
  onlyIf?: Precondition | undefined
}

/** Stores the picture of a request, under `id` or its content hash. */
function storing({ parts, memory, config }: ImageUploadOptions) {
  const read = imageRequestReader({ parameters: StoreParameters, body: StoreBody }, { config, parts, memory })
  return async (request: FastifyRequest, reply: FastifyReply, { gallery, id, onlyIf }: StorePlace) => {
    const signal = clientGone(reply)
    const {
      images: [bytes],
      given,
      invalid,
    } = await read(request, signal)
    if (bytes === undefined) throw new AlikeError('image_missing')
    const misfit = misfitOfLabel(given.label)
    if (misfit !== undefined) throw invalid('label', misfit)
    const image = {
      bytes,
      label: given.label ?? null,
      metadata: metadataOf(given.metadata, config.metadataMaxBytes, invalid),
      reference: given.reference,
      origin: 'url' in given ? given.url : undefined,
      onlyIf,
      id,
    }

    const beganAt = performance.now()
    const { record, created, takenAt } = await storeOne(gallery, image, parts, signal)
    request.trace?.part('embed', beganAt, takenAt - beganAt)
    request.trace?.part('commit', takenAt, performance.now() - takenAt)
    reply.header('etag', etagOf(record))
    if (created) reply.code(201).header('location', `/v1/galleries/${gallery}/images/${encodeURIComponent(record.id)}`)
    return imageView(record, request.grant)
  }
}

/** An object in JSON; its text in a form or the query string. */
function metadataOf(given: unknown, maxBytes: number, invalid: Invalid): Metadata {
  if (given === undefined) return {}
  const read = typeof given === 'string' ? readJson(given, lineBounds) : { value: given }
  if ('misfit' in read) throw invalid('metadata', read.misfit)
  const { value } = read
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('metadata', 'is not a JSON object')
  const misfit = misfitOfStored(value, maxBytes)
  if (misfit !== undefined) throw invalid('metadata', misfit)
  return value as Metadata
}

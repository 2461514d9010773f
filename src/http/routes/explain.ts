/** `POST /v1/galleries/{gallery}/explain`: why a picture matched, and how far to trust it. */
import type { Config } from '../../config/config.js'
import { AlikeError } from '../../errors.js'
import { type ExplainParts, explain } from '../../explain.js'
import type { RemoteImages } from '../../remote/remote-images.js'
import type { BodyMemory } from '../body-memory.js'
import { clientGone, whenGone } from '../client-gone.js'
import { type ImageRequest, imageRequestReader } from '../image-request.js'
import {
  ExplainBody,
  ExplainForm,
  type ExplainGiven,
  ExplainParameters,
  Explanation,
  explanationView,
} from '../schemas/explain.js'
import { imageBody } from '../schemas/image-body.js'
import { reference } from '../schemas/named.js'
import { GalleryPath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import { regionOf } from '../schemas/region.js'
import type { Routes } from '../typed-app.js'

export interface ExplainRouteOptions {
  parts: ExplainParts & { remote: RemoteImages }
  memory: BodyMemory
  config: Config
}

export const explainRoutes: Routes<ExplainRouteOptions> = async (app, { parts, memory, config }) => {
  const read = imageRequestReader({ parameters: ExplainParameters, body: ExplainBody }, { config, parts, memory })

  app.post(
    '/v1/galleries/:gallery/explain',
    {
      config: { role: 'read', verb: 'search' },
      schema: {
        operationId: 'explain',
        tags: ['search'],
        summary: 'Explain why a stored picture matches a query',
        description:
          'The query is a picture (raw, in a form, in JSON as base64 or by its URL) or a stored one (`imageId`), optionally with a region; `hit` names the stored picture. One view of the query is explained, whatever `QUERY_VIEWS` says. Refused with `explain_unsupported` if the model cannot attribute its score to regions.',
        params: GalleryPath,
        querystring: ExplainParameters,
        body: imageBody(ExplainForm, ExplainBody),
        response: {
          200: { description: 'Where the score comes from.', ...reference(Explanation) },
          ...problems(400, 404, 409, 413, 415, 422, 429, 503),
        },
      },
    },
    async (request, reply) => {
      const signal = clientGone(reply)
      const { gallery } = request.params
      const wanted = explainRequestOf(await read(request, signal))
      const held = memory.of(request) ?? memory.hold()
      whenGone(reply, held.end)
      const explained = await explain({ gallery, signal, onBytes: held.take, ...wanted }, parts)
      return explanationView(gallery, explained, parts.images.modelOf(explained.modelId).manifest.calibration)
    },
  )
}

function explainRequestOf({ images: [bytes], given, invalid }: ImageRequest<ExplainGiven>) {
  const { hit, imageId, region } = given
  if (hit === undefined) throw invalid('hit', 'is missing')
  if (bytes !== undefined && imageId !== undefined) throw invalid('imageId', 'does not go together with a picture')
  if (bytes === undefined && imageId === undefined) throw new AlikeError('image_missing')
  return {
    hit,
    query: bytes === undefined ? { id: imageId! } : { bytes },
    region: regionOf(region),
  }
}

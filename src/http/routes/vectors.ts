/** `POST /v1/embeddings` and `POST /v1/compare`: the model's output for pictures that are not stored. */
import type { Config } from '../../config/config.js'
import { nearCopyScore, wordsOf } from '../../copies/near-copy-score.js'
import { cosine } from '../../cosine.js'
import { allOrNone } from '../../embedding/all-or-none.js'
import type { ImageEmbedder } from '../../embedding/image-embedder.js'
import { likeliestLabels } from '../../embedding/likeliest-labels.js'
import { AlikeError } from '../../errors.js'
import { basisOf, probabilitySameLabel } from '../../eval/score-calibration.js'
import type { RemoteImages } from '../../remote/remote-images.js'
import type { BodyMemory } from '../body-memory.js'
import { clientGone } from '../client-gone.js'
import { imageRequestReader } from '../image-request.js'
import { imageBody } from '../schemas/image-body.js'
import { reference } from '../schemas/named.js'
import { problems } from '../schemas/problem.js'
import {
  CompareAnswer,
  CompareBody,
  CompareForm,
  EmbeddingAnswer,
  EmbeddingBody,
  EmbeddingForm,
  EmbeddingParameters,
  ModelChoice,
} from '../schemas/vectors.js'
import type { Routes, TypedApp } from '../typed-app.js'
import { invalidIn } from '../validation.js'
import { writeVector } from '../vector-json.js'

export interface VectorRouteOptions {
  parts: { images: ImageEmbedder; remote: RemoteImages }
  memory: BodyMemory
  config: Config
}

const labelsShown = 5
const failures = problems(400, 404, 409, 413, 415, 422, 429, 503)

export const vectorRoutes: Routes<VectorRouteOptions> = async (app, options) => {
  embed(app, options)
  compare(app, options)
}

function embed(app: TypedApp, options: VectorRouteOptions): void {
  const { images: embedder } = options.parts
  const read = imageRequestReader({ parameters: EmbeddingParameters, body: EmbeddingBody }, options)
  app.post(
    '/v1/embeddings',
    {
      config: { role: 'read', verb: 'search', galleries: 'none' },
      schema: {
        operationId: 'embed',
        tags: ['search'],
        summary: 'Embed a picture',
        querystring: EmbeddingParameters,
        body: imageBody(EmbeddingForm, EmbeddingBody),
        response: {
          200: { description: 'Its embedding and most likely classes.', ...reference(EmbeddingAnswer) },
          ...failures,
        },
      },
    },
    async (request, reply) => {
      const signal = clientGone(reply)
      const {
        images: [bytes],
        given,
      } = await read(request, signal)
      if (bytes === undefined) throw new AlikeError('image_missing')
      const { manifest } = embedder.chosen(given.model)
      const { vector, logits } = await embedder.embed(bytes, { purpose: 'search', modelId: manifest.id, signal })
      return {
        modelId: manifest.id,
        vector: writeVector(vector, given.vectorFormat),
        labels: likeliestLabels(logits, manifest.labels, labelsShown),
      }
    },
  )
}

function compare(app: TypedApp, options: VectorRouteOptions): void {
  const { images: embedder } = options.parts
  const read = imageRequestReader({ parameters: ModelChoice, body: CompareBody, imagesMax: 2 }, options)
  app.post(
    '/v1/compare',
    {
      config: { role: 'read', verb: 'search', galleries: 'none' },
      schema: {
        operationId: 'compare',
        tags: ['search'],
        summary: 'Compare two pictures',
        description: 'As two `image` files of a form, or as `images` or `urls` in JSON.',
        querystring: ModelChoice,
        body: {
          content: { 'multipart/form-data': { schema: CompareForm }, 'application/json': { schema: CompareBody } },
        },
        response: { 200: { description: 'Their score.', ...reference(CompareAnswer) }, ...failures },
      },
    },
    async (request, reply) => {
      const signal = clientGone(reply)
      const { images, given } = await read(request, signal)
      if (images.length !== 2) throw invalidIn('body')('images', 'must contain two pictures')
      const { id, calibration } = embedder.chosen(given.model).manifest
      const [one, two] = await allOrNone(
        images,
        signal,
        (bytes, stop) => embedder.embed(bytes, { purpose: 'search', modelId: id, signal: stop }),
        { atOnce: embedder.queriesAtOnce },
      )
      const score = cosine(one!.vector, two!.vector)
      return {
        modelId: id,
        score,
        nearCopyScore: copyScoreOf(one!.copyDescriptor, two!.copyDescriptor),
        pSame: calibration && probabilitySameLabel(calibration, score),
        calibration: calibration && basisOf(calibration),
      }
    },
  )
}

/** null if either of them has no features. */
function copyScoreOf(one: Uint8Array | undefined, two: Uint8Array | undefined): number | null {
  const [a, b] = [one && wordsOf(one), two && wordsOf(two)]
  return a && b ? nearCopyScore(a, 0, b, 0) : null
}

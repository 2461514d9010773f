/** `POST /v1/galleries/{gallery}/search`: a picture in, ranked ids out. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Config } from '../../config.js'
import { AlikeError } from '../../errors.js'
import { scoreOfProbability, type ScoreCalibration } from '../../eval/score-calibration.js'
import { readFilter, type Filter } from '../../gallery/filter.js'
import type { Region } from '../../image/region.js'
import { stages, type Metrics } from '../../metrics.js'
import type { RemotePictures } from '../../remote/remote-pictures.js'
import { retrieve, type Example, type Query, type QueryDurations, type RetrievalParts } from '../../retrieval.js'
import { clientGone } from '../client-gone.js'
import { pictureRequestReader } from '../picture-request.js'
import { reference } from '../schemas/named.js'
import { GalleryPath } from '../schemas/parameters.js'
import { pictureBody } from '../schemas/picture.js'
import { problems } from '../schemas/problem.js'
import { answerView, defaultK, imagesMax, SearchAnswer, searchSchemas, type SearchGiven } from '../schemas/search.js'
import { RequestInvalid } from '../validation.js'

export interface SearchRouteOptions {
  parts: RetrievalParts & { remote: RemotePictures }
  metrics: Metrics
  config: Config
}

export const searchRoutes: FastifyPluginAsyncTypebox<SearchRouteOptions> = async (app, { parts, metrics, config }) => {
  const { Parameters, Body, Form } = searchSchemas(config)
  const read = pictureRequestReader({ parameters: Parameters, body: Body, maxBytes: config.uploadMaxBytes, imagesMax, remote: parts.remote })

  app.post('/v1/galleries/:gallery/search', {
    config: { role: 'read' },
    schema: {
      operationId: 'search',
      tags: ['search'],
      summary: 'Find pictures that show the same thing',
      description: 'The query is a picture (raw, in a form, in JSON as base64 or by its URL), a stored one (`imageId`), a vector of this model, or several of them that show one thing; `unlike` names stored pictures that hits should not be like. Parameters can be given in the address, as form fields or in JSON.',
      params: GalleryPath,
      querystring: Parameters,
      body: pictureBody(Form, Body),
      response: { 200: { description: 'The nearest pictures, best first.', ...reference(SearchAnswer) }, ...problems(400, 404, 409, 413, 415, 422, 429, 503) },
    },
  }, async (request, reply) => {
    const signal = clientGone(reply)
    const { images, given } = await read(request, signal)
    const { calibration } = parts.embedder.model.manifest
    const minScore = lowestScore(given, calibration)
    const query = { ...queryOf(request.params.gallery, images, given, config.searchMaxK), ...(minScore !== undefined && { minScore }) }
    const answer = await retrieve({ ...query, signal }, parts)
    observe(answer.durations, metrics)
    metrics.countSearch(answer.method)
    return answerView(answer, { include: given.include ?? [], ...(calibration && { calibration }) })
  })
}

function queryOf(gallery: string, images: Buffer[], given: SearchGiven, searchMaxK: number): Query {
  const { k = defaultK, offset = 0, ef, exact, excludeIds } = given
  const filter = filterOf(given)
  if (offset + k > searchMaxK) throw misfit('/offset', `and k together must be at most ${searchMaxK}`)
  return {
    gallery,
    ...examplesOf(images, given),
    k,
    offset,
    ...(ef !== undefined && { ef }),
    ...(exact !== undefined && { exact }),
    ...(filter !== undefined && { filter }),
    ...(excludeIds !== undefined && { excludeIds: [excludeIds].flat() }),
  }
}

/** A probability never falls with the score, so a bound of one is a bound of the other. */
function lowestScore({ minScore, minPSame }: SearchGiven, calibration: ScoreCalibration | undefined): number | undefined {
  if (minPSame === undefined) return minScore
  if (calibration === undefined) throw new AlikeError('model_not_calibrated')
  return Math.max(minScore ?? -1, scoreOfProbability(calibration, minPSame) ?? Infinity)
}

/** `label` is the most frequent filter and has a short form. */
function filterOf({ label, filter }: SearchGiven): Filter | undefined {
  const labels: Filter[] = label === undefined ? [] : [{ field: 'label', in: [label].flat().map((name) => (name === '' ? null : name)) }]
  const all = filter === undefined ? labels : [...labels, readFilter(typeof filter === 'string' ? parsed(filter) : filter)]
  return all.length > 1 ? { and: all } : all[0]
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AlikeError('filter_invalid', { detail: 'It is no JSON.', cause })
  }
}

function examplesOf(images: Buffer[], given: SearchGiven): Pick<Query, 'like' | 'unlike' | 'includeSelf'> {
  const { imageId, like = [], unlike = [], includeSelf = false, region } = given
  const vector = 'vector' in given ? given.vector : undefined
  if (region !== undefined && images.length !== 1) throw misfit('/region', 'needs one picture: of stored ones only the embedding of the whole is kept')
  const examples: Example[] = [
    ...images.map((bytes) => ({ bytes, ...(region !== undefined && { region: regionOf(region) }) })),
    ...[...(imageId === undefined ? [] : [imageId]), ...[like].flat()].map((id) => ({ id })),
    ...(vector === undefined ? [] : [{ vector: Float32Array.from(vector) }]),
  ]
  if (examples.length === 0) throw new AlikeError('image_missing')
  return { like: examples, unlike: [unlike].flat().map((id) => ({ id })), includeSelf }
}

/** `x,y,width,height` with `px` for pixels; the schema has checked its form. */
function regionOf(region: NonNullable<SearchGiven['region']>): Region {
  if (typeof region !== 'string') return { unit: 'relative', ...region }
  const [x = 0, y = 0, width = 0, height = 0] = region.split(',').map((number) => Number.parseFloat(number))
  return { x, y, width, height, unit: /px\s*$/.test(region) ? 'pixel' : 'relative' }
}

function misfit(pointer: string, detail: string): RequestInvalid {
  return new RequestInvalid([{ in: 'query', pointer, detail }])
}

function observe(durations: QueryDurations, metrics: Metrics): void {
  for (const stage of stages) metrics.observeStage(stage, durations[`${stage}Ms`])
}

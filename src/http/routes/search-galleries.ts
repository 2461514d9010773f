/** `POST /v1/search`: one query over several galleries, one ranking. */
import { type AnsweredSearchOptions, searchAnswerer } from '../answer-search.js'
import { clientGone } from '../client-gone.js'
import { imageRequestReader } from '../image-request.js'
import { imageBody } from '../schemas/image-body.js'
import { joinedSearchSchemas } from '../schemas/joined-search-parameters.js'
import { reference } from '../schemas/named.js'
import { problems } from '../schemas/problem.js'
import { JoinedSearchAnswer } from '../schemas/search.js'
import { imagesMax, type SearchGiven } from '../schemas/search-parameters.js'
import { searchedGalleries } from '../searched-galleries.js'
import type { Routes } from '../typed-app.js'

export const joinedSearchRoutes: Routes<AnsweredSearchOptions> = async (app, searching) => {
  const { config, parts } = searching
  const { Parameters, Body, Form } = joinedSearchSchemas(config)
  const answered = searchAnswerer(searching)
  const read = imageRequestReader({ parameters: Parameters, body: Body, imagesMax }, searching)

  app.post(
    '/v1/search',
    {
      config: { role: 'read', verb: 'search', galleries: 'own' },
      schema: {
        operationId: 'searchGalleries',
        tags: ['search'],
        summary: 'Search several galleries as one',
        description:
          'As a search of one gallery, with one ranking over all of them: score descending, then id, then gallery. The query is one or several pictures or a vector. All galleries must use the same model (`model_mismatch`). A page token is valid only for the same `galleries`; with a pattern, further pages cover the galleries of the first one.',
        querystring: Parameters,
        body: imageBody(Form, Body),
        response: {
          200: { description: 'The nearest pictures of all galleries, best first.', ...reference(JoinedSearchAnswer) },
          ...problems(400, 403, 404, 409, 410, 413, 415, 422, 429, 503),
        },
      },
    },
    async (request, reply) => {
      const signal = clientGone(reply)
      const { images, given: all, invalid } = await read(request, signal)
      const { galleries: named, ...given } = all
      if (named === undefined) throw invalid('galleries', 'is missing')
      // a further page comes from the galleries of the first one, whatever else matches by now
      const among =
        given.pageToken === undefined
          ? parts.galleries.names()
          : parts.galleries.searches.pagedGalleries(given.pageToken, request.keyName)
      const galleries = await searchedGalleries(named, among, request.grant)
      return answered({
        request,
        reply,
        named: { galleries },
        input: { gallery: galleries, images, given: given as SearchGiven, invalid, signal },
      })
    },
  )
}

/** `POST /v1/galleries/{gallery}/search`: a picture in, ranked ids out. */
import { type AnsweredSearchOptions, searchAnswerer } from '../answer-search.js'
import { clientGone } from '../client-gone.js'
import { imageRequestReader } from '../image-request.js'
import { expectVerb } from '../plugins/access.js'
import { imageBody } from '../schemas/image-body.js'
import { reference } from '../schemas/named.js'
import { GalleryPath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import { SearchAnswer } from '../schemas/search.js'
import { imagesMax, setSearchSchemas } from '../schemas/search-parameters.js'
import type { Routes } from '../typed-app.js'

export const searchRoutes: Routes<AnsweredSearchOptions> = async (app, searching) => {
  const { Parameters, Body, Form } = setSearchSchemas(searching.config)
  const answered = searchAnswerer(searching)
  const read = imageRequestReader({ parameters: Parameters, body: Body, imagesMax }, searching)

  app.post(
    '/v1/galleries/:gallery/search',
    {
      config: { role: 'read', verb: 'search' },
      schema: {
        operationId: 'search',
        tags: ['search'],
        summary: 'Find pictures that show the same thing',
        description:
          'The query is a picture (raw, in a form, in JSON as base64 or by its URL), a stored one (`imageId`), a vector of this model, or several of these that show the same thing; `unlike` names stored pictures that hits should not resemble. Parameters can be given in the query string, as form fields or in JSON.',
        params: GalleryPath,
        querystring: Parameters,
        body: imageBody(Form, Body),
        response: {
          200: { description: 'The nearest pictures, best first.', ...reference(SearchAnswer) },
          ...problems(400, 403, 404, 409, 410, 413, 415, 422, 429, 503),
        },
      },
    },
    async (request, reply) => {
      const signal = clientGone(reply)
      const { images, given, invalid } = await read(request, signal)
      const { gallery } = request.params
      const { set } = given
      if (set !== undefined) expectVerb(request.grant, 'admin')
      return answered({ request, reply, named: { gallery }, input: { gallery, set, images, given, invalid, signal } })
    },
  )
}

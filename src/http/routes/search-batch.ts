/** `POST /v1/galleries/{gallery}/search/batch`: several queries in one body. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import { AlikeError } from '../../errors.js'
import { answerSearch, type SearchParts } from '../answer-search.js'
import { clientGone } from '../client-gone.js'
import { inFreePlaces } from '../free-places.js'
import { picturesOfJson } from '../picture-request.js'
import type { CountAgain } from '../plugins/access.js'
import type { Admission } from '../plugins/admission.js'
import { asAlikeError, noteProblem, problemOf } from '../plugins/problem.js'
import { reference } from '../schemas/named.js'
import { GalleryPath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import { SearchBatchAnswer, SearchBatchEnvelope, searchBatchBody } from '../schemas/search-batch.js'
import { searchSchemas } from '../schemas/search-parameters.js'
import { compileCheck, validatorCompiler } from '../validation.js'

/** Queries of one body at work at once, where that many places are free. */
const sideBySideMax = 4

export interface SearchBatchOptions extends SearchParts {
  admission: Admission
  countAgain: CountAgain
}

export const searchBatchRoutes: FastifyPluginAsyncTypebox<SearchBatchOptions> = async (app, { admission, countAgain, ...searching }) => {
  const { metrics, config } = searching
  const { Body } = searchSchemas(config)
  const check = compileCheck(Body, 'body') as (query: unknown) => Static<typeof Body>

  app.post('/v1/galleries/:gallery/search/batch', {
    config: { role: 'read' },
    schema: {
      operationId: 'searchBatch',
      tags: ['search'],
      summary: 'Several searches in one call',
      description: 'Answered in order. A query that fails has its problem in place of an answer and leaves the others alone. The body has the bound of one search’s body.',
      params: GalleryPath,
      body: { content: { 'application/json': { schema: searchBatchBody(Body) } } },
      response: { 200: { description: 'An answer or a problem for each query.', ...reference(SearchBatchAnswer) }, ...problems(400, 404, 413, 415, 429, 503) },
    },
    // the queries are checked one by one, so that a bad one does not spoil the others
    validatorCompiler: (part) => validatorCompiler(part.httpPart === 'body' ? { ...part, schema: SearchBatchEnvelope } : part),
    preValidation: async ({ headers }) => {
      if (!/^application\/json\b/i.test(headers['content-type'] ?? '')) throw new AlikeError('media_type_unsupported')
    },
  }, async (request, reply) => {
    const { gallery } = request.params
    const { queries } = request.body as Static<typeof SearchBatchEnvelope>
    const signal = clientGone(reply)
    const items = await counted(queries, () => countAgain(request))
    const answers = await inFreePlaces(items, { sideBySideMax, tryEnter: admission.tryEnter }, async ({ query, refusal }) => {
      signal.throwIfAborted()
      try {
        if (refusal !== undefined) throw refusal
        const given = check(query)
        const images = await picturesOfJson(given, { maxBytes: config.uploadMaxBytes, remote: searching.parts.remote, signal })
        return { answer: await answerSearch({ gallery, images, given, where: 'body', signal }, searching) }
      } catch (error) {
        signal.throwIfAborted()
        const known = asAlikeError(error, request)
        noteProblem(known, request, metrics)
        if (known.retryAfterSeconds !== undefined) reply.header('retry-after', known.retryAfterSeconds)
        return { problem: problemOf(known, request) }
      }
    })
    return { answers }
  })
}

/** Each query as a request of its own, but for the first, which the request itself stands for; one after the other, as they have to be. */
async function counted<Query>(queries: readonly Query[], count: () => Promise<void>): Promise<{ query: Query; refusal?: unknown }[]> {
  const items: { query: Query; refusal?: unknown }[] = []
  for (const query of queries) {
    const refusal: unknown = items.length === 0 ? undefined : await count().then(() => undefined, (error: unknown) => error)
    items.push({ query, ...(refusal !== undefined && { refusal }) })
  }
  return items
}

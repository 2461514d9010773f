/** `POST /v1/galleries/{gallery}/search/batch`: several queries in one body. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import { AlikeError } from '../../errors.js'
import type { AnswerBytes } from '../answer-bytes.js'
import { answerSearch, type SearchParts } from '../answer-search.js'
import { clientGone } from '../client-gone.js'
import { inFreePlaces } from '../free-places.js'
import { imagesOfJson } from '../image-request.js'
import { jsonInTurns } from '../json-in-turns.js'
import type { CountAgain } from '../plugins/access.js'
import type { Admission } from '../plugins/admission.js'
import { asAlikeError, noteProblem, problemOf } from '../plugins/problem.js'
import { reference } from '../schemas/named.js'
import { GalleryPath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import { SearchBatchAnswer, SearchBatchEnvelope, searchBatchBody } from '../schemas/search-batch.js'
import { searchSchemas } from '../schemas/search-parameters.js'
import { compileCheck, validatorCompiler } from '../validation.js'

/** Maximum number of queries of one body in progress, if that many places are free. */
const sideBySideMax = 4

export interface SearchBatchOptions extends SearchParts {
  admission: Admission
  answers: AnswerBytes
  countAgain: CountAgain
}

export const searchBatchRoutes: FastifyPluginAsyncTypebox<SearchBatchOptions> = async (
  app,
  { admission, answers, countAgain, ...searching },
) => {
  const { metrics, config } = searching
  const { Body } = searchSchemas(config)
  const check = compileCheck(Body, 'body') as (query: unknown) => Static<typeof Body>

  app.post(
    '/v1/galleries/:gallery/search/batch',
    {
      config: { role: 'read', verb: 'search' },
      schema: {
        operationId: 'searchBatch',
        tags: ['search'],
        summary: 'Several searches in one call',
        description:
          'Answered in order. A query that fails gets a problem in place of an answer without affecting the others; so does one whose answer would exceed the shared maximum size. The body is limited like that of a single search.',
        params: GalleryPath,
        body: { content: { 'application/json': { schema: searchBatchBody(Body) } } },
        response: {
          200: { description: 'An answer or a problem for each query.', ...reference(SearchBatchAnswer) },
          ...problems(400, 404, 413, 415, 422, 429, 503),
        },
      },
      // the queries are validated one by one, so that an invalid one does not affect the others
      validatorCompiler: (part) =>
        validatorCompiler(part.httpPart === 'body' ? { ...part, schema: SearchBatchEnvelope } : part),
      preValidation: async ({ headers }) => {
        if (!/^application\/json\b/i.test(headers['content-type'] ?? ''))
          throw new AlikeError('media_type_unsupported', { detail: 'Accepted: application/json.' })
      },
    },
    async (request, reply) => {
      const { gallery } = request.params
      const { queries } = request.body as Static<typeof SearchBatchEnvelope>
      const signal = clientGone(reply)
      const account = answers.of(reply)
      const items = await counted(queries, () => countAgain(request))
      const entries = await inFreePlaces(
        items,
        { sideBySideMax, tryEnter: admission.tryEnter },
        async ({ query, refusal }) => {
          signal.throwIfAborted()
          let taken = 0
          const onBytes = (bytes: number) => {
            account.take(bytes)
            taken += bytes
          }
          try {
            if (refusal !== undefined) throw refusal
            const given = check(query)
            const images = await imagesOfJson(given, request, searching, signal)
            // as text: as an object it would take several times as much, and the first answers wait for the last
            const answer = await answerSearch(
              {
                gallery,
                caller: request.keyName,
                trace: request.trace,
                images,
                given,
                placeOf: () => 'body',
                signal,
                onBytes,
              },
              searching,
            )
            const text = await jsonInTurns({ gallery, ...answer }, signal)
            onBytes(text.length - taken)
            return ['{"answer":', text, '}']
          } catch (error) {
            account.take(-taken)
            signal.throwIfAborted()
            const known = asAlikeError(error, request)
            noteProblem(known, request, metrics)
            if (known.retryAfterSeconds !== undefined) reply.header('retry-after', known.retryAfterSeconds)
            return [JSON.stringify({ problem: problemOf(known, request) })]
          }
        },
      )
      const parts = ['{"answers":[', ...entries.flatMap((entry, i) => (i === 0 ? entry : [',', ...entry])), ']}']
      const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
      return reply.type('application/json; charset=utf-8').send(body as unknown as Static<typeof SearchBatchAnswer>)
    },
  )
}

/**
 * Each query counts as a request of its own, except for the first, which the request itself stands for; one after
 * another, because order matters.
 */
async function counted<Query>(
  queries: readonly Query[],
  count: () => Promise<void>,
): Promise<{ query: Query; refusal?: unknown }[]> {
  const items: { query: Query; refusal?: unknown }[] = []
  for (const query of queries) {
    const refusal: unknown =
      items.length === 0
        ? undefined
        : await count().then(
            () => undefined,
            (error: unknown) => error,
          )
    items.push({ query, ...(refusal !== undefined && { refusal }) })
  }
  return items
}

/** `POST /v1/galleries/{gallery}/search/batch`: several queries in one body. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Static } from 'typebox'
import { AlikeError } from '../../errors.js'
import type { AnswerAccount, AnswerBytes } from '../answer-bytes.js'
import { answerSearch, type SearchParts } from '../answer-search.js'
import { clientGone } from '../client-gone.js'
import { isJson } from '../form-parts.js'
import { inFreePlaces } from '../free-places.js'
import { expectFewImages, imagesOfJson } from '../image-request.js'
import { jsonInTurns } from '../json-in-turns.js'
import type { CountAgain } from '../plugins/access.js'
import type { Admission } from '../plugins/admission.js'
import { asAlikeError, noteProblem, problemOf } from '../plugins/problem.js'
import { reference } from '../schemas/named.js'
import { GalleryPath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import { SearchBatchAnswer, SearchBatchEnvelope, searchBatchBody } from '../schemas/search-batch.js'
import { imagesMax, searchSchemas } from '../schemas/search-parameters.js'
import type { Routes } from '../typed-app.js'
import { compileCheck, invalidIn, validatorCompiler } from '../validation.js'

/** Maximum number of queries of one body in progress, if that many places are free. */
const sideBySideMax = 4

export interface SearchBatchOptions extends SearchParts {
  admission: Admission
  answers: AnswerBytes
  countAgain: CountAgain
}

export const searchBatchRoutes: Routes<SearchBatchOptions> = async (app, options) => {
  const { admission, answers, countAgain, config } = options
  const { Body } = searchSchemas(config)
  const answerOf = answerer(options)

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
        if (!isJson(headers['content-type']))
          throw new AlikeError('media_type_unsupported', { detail: 'Accepted: application/json.' })
      },
    },
    async (request, reply) => {
      const { gallery } = request.params
      const { queries } = request.body as Static<typeof SearchBatchEnvelope>
      const signal = clientGone(reply)
      const account = answers.of(reply)
      const items = await counted(queries, () => countAgain(request))
      const entries = await inFreePlaces(items, { sideBySideMax, tryEnter: admission.tryEnter }, (item) =>
        answerOf(item, { gallery, request, reply, account, signal }),
      )
      const parts = ['{"answers":[', ...entries.flatMap((entry, i) => (i === 0 ? entry : [',', ...entry])), ']}']
      const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
      return reply.type('application/json; charset=utf-8').send(body as unknown as Static<typeof SearchBatchAnswer>)
    },
  )
}

/** A query, or why it will not be answered. */
interface Item {
  query: unknown
  refusal?: unknown
}

interface ItemContext {
  gallery: string
  request: FastifyRequest
  reply: FastifyReply
  account: AnswerAccount
  signal: AbortSignal
}

/** @returns a function that answers one query, with an answer or a problem as pieces of JSON */
function answerer(searching: SearchParts) {
  const { metrics, config } = searching
  const { Body } = searchSchemas(config)
  const check = compileCheck(Body, 'body') as (query: unknown) => Static<typeof Body>

  return async (
    { query, refusal }: Item,
    { gallery, request, reply, account, signal }: ItemContext,
  ): Promise<(string | Buffer)[]> => {
    signal.throwIfAborted()
    let taken = 0
    const onBytes = (bytes: number) => {
      account.take(bytes)
      taken += bytes
    }
    const { keyName: caller, grant, trace } = request
    try {
      if (refusal !== undefined) throw refusal
      const given = check(query)
      expectFewImages(given, imagesMax)
      const images = await imagesOfJson(given, request, searching, signal)
      const input = { gallery, caller, grant, trace, images, given, invalid: invalidIn('body'), signal, onBytes }
      // as text: as an object it would take several times as much, and the first answers wait for the last
      const text = await jsonInTurns({ gallery, ...(await answerSearch(input, searching)) }, signal)
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
  }
}

/**
 * Each query counts as a request of its own, except for the first, which the request itself stands for; one after
 * another, because order matters.
 */
async function counted(queries: readonly unknown[], count: () => Promise<void>): Promise<Item[]> {
  const items: Item[] = []
  for (const query of queries) {
    const refusal: unknown =
      items.length === 0
        ? undefined
        : await count().then(
            () => undefined,
            (error: unknown) => error,
          )
    items.push({ query, refusal })
  }
  return items
}

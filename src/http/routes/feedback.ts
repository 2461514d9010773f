/** `/v1/galleries/{gallery}/feedback`: record and read judgements of hits. */
import { Readable } from 'node:stream'
import { Type } from 'typebox'
import { type JudgementFilter, type StoredJudgement, submittedVerdicts } from '../../gallery/feedback.js'
import type { Galleries } from '../../gallery/galleries.js'
import type { GalleryFeedback } from '../../gallery/gallery-feedback.js'
import type { Metrics } from '../../metrics/metrics.js'
import { nextTurn } from '../../turns.js'
import { ListCursors } from '../list-cursors.js'
import {
  FeedbackAnswer,
  FeedbackBody,
  FeedbackLine,
  FeedbackListParameters,
  feedbackLine,
  judgementFilter,
  judgementsOf,
} from '../schemas/feedback.js'
import { reference } from '../schemas/named.js'
import { GalleryPath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import type { Routes, TypedApp } from '../typed-app.js'

export interface FeedbackRouteOptions {
  galleries: Galleries
  metrics: Metrics
}

export const feedbackRoutes: Routes<FeedbackRouteOptions> = async (app, options) => {
  giveFeedback(app, options)
  listFeedback(app, options)
}

function giveFeedback(app: TypedApp, { galleries, metrics }: FeedbackRouteOptions): void {
  app.post(
    '/v1/galleries/:gallery/feedback',
    {
      config: { role: 'write' },
      schema: {
        operationId: 'giveFeedback',
        tags: ['feedback'],
        summary: 'Say which hits of a query are right or wrong',
        description:
          'One judgement is kept for each query, hit and judge: sending it again changes nothing, another verdict replaces it, `none` withdraws it. Judgements are deleted with the pictures they name.',
        params: GalleryPath,
        body: FeedbackBody,
        response: {
          200: { description: 'They are stored.', ...reference(FeedbackAnswer) },
          ...problems(400, 404, 409, 415, 429, 507),
        },
      },
    },
    async (request) => {
      const { gallery } = request.params
      const given = request.body as Parameters<typeof judgementsOf>[0]
      const { modelId } = await galleries.sets.serving(gallery)
      const judgements = judgementsOf(given, {
        by: request.keyName || 'anonymous',
        at: new Date().toISOString(),
        modelId,
      })
      const counts = await (await galleries.feedback(gallery)).record(judgements)
      for (const verdict of submittedVerdicts)
        metrics.countJudged(verdict, judgements.filter((judgement) => judgement.verdict === verdict).length)
      return { gallery, ...counts }
    },
  )
}

function listFeedback(app: TypedApp, { galleries }: FeedbackRouteOptions): void {
  app.get(
    '/v1/galleries/:gallery/feedback',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'listFeedback',
        tags: ['feedback'],
        summary: 'Read the judgements of hits',
        description:
          'One JSON object per line, in order of arrival; a changed judgement is listed again. `npm run train -- --feedback FILE` takes these lines.',
        params: GalleryPath,
        querystring: FeedbackListParameters,
        response: {
          200: {
            description: 'One line for each judgement.',
            content: { 'application/x-ndjson': { schema: Type.Unsafe<Readable>(FeedbackLine) } },
          },
          ...problems(400, 404),
        },
      },
    },
    async (request, reply) => {
      const { gallery } = request.params
      const { limit = linesMax, cursor } = request.query
      const filter = judgementFilter(request.query)
      // numbers ascend in every selection of judgements, so a cursor holds for all of them
      const cursors = new ListCursors('feedback', gallery)
      const after = cursor === undefined ? 0 : cursors.numberOf(cursor)
      const feedback = await galleries.feedback(gallery)
      const first = await feedback.page(after, Math.min(limit, linesOfPage), filter) // damage found here still gets a status
      const lines = Readable.from(feedbackLines(feedback, { first, limit, filter, cursors }), { objectMode: false })
      return reply.type('application/x-ndjson').send(lines)
    },
  )
}

const linesMax = 100_000
/** Lines read at once: they take less memory than a stream is counted as. */
const linesOfPage = 100

/** Page by page, each in its own turn of the event loop, so that a million lines are never in memory. */
async function* feedbackLines(
  feedback: GalleryFeedback,
  {
    first,
    limit,
    filter,
    cursors,
  }: { first: StoredJudgement[]; limit: number; filter: JudgementFilter; cursors: ListCursors },
): AsyncGenerator<string> {
  let page = first
  for (let left = limit - page.length; page.length > 0; left -= page.length) {
    const lines = page.map((judgement) => feedbackLine(judgement, cursors.at(`${judgement.number}`)))
    yield lines.map((line) => `${JSON.stringify(line)}\n`).join('')
    await nextTurn()
    page = left > 0 ? await feedback.page(page.at(-1)!.number, Math.min(left, linesOfPage), filter) : []
  }
}

/** One search, however it was requested: from the parameters to a query, and from its result to the answer. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Grant } from '../access/grants.js'
import type { Config } from '../config/config.js'
import type { CalibratedThreshold } from '../eval/score-calibration.js'
import type { Serving } from '../gallery/serving.js'
import type { Metrics } from '../metrics/metrics.js'
import { stages } from '../metrics/searches.js'
import type { RemoteImages } from '../remote/remote-images.js'
import { type Answer, type RetrievalParts, retrieve, retrieveNext } from '../retrieval.js'
import type { RequestTrace } from '../tracing/tracing.js'
import { type AnswerBytes, inOneTurnMaxBytes } from './answer-bytes.js'
import { answerView, type ViewedAnswer } from './answer-view.js'
import type { BodyMemory } from './body-memory.js'
import { boostsOf, examplesOf, hitsOf, includes, pageOf, reachOf, voteThreshold } from './given-query.js'
import { inTurns } from './json-in-turns.js'
import { expectVerb } from './plugins/access.js'
import { traceStages } from './plugins/trace-requests.js'
import { type QueryWatch, watchAnswer } from './query-watch.js'
import { usualK } from './schemas/search-options.js'
import type { SearchGiven } from './schemas/search-parameters.js'
import type { Invalid } from './validation.js'

export interface SearchParts {
  parts: RetrievalParts & { remote: RemoteImages; watch: QueryWatch }
  memory: BodyMemory
  metrics: Metrics
  config: Config
}

export interface SearchInput {
  /** If tracing is enabled. */
  trace?: RequestTrace | undefined
  gallery: string | readonly string[]
  /** Id or name of the model whose set is to be searched. Default: the serving set. */
  set?: string | undefined
  /** Name of the caller's key; empty if none is required. */
  caller: string
  /** Of the caller; undefined if the service is open. */
  grant: Grant | undefined
  images: Buffer[]
  given: SearchGiven
  /** About a parameter where it was given. */
  invalid: Invalid
  signal: AbortSignal
  /** Called with the approximate size of the answer as it becomes known; throws if it is too large. */
  onBytes(bytes: number): void
}

export interface AnsweredSearchOptions extends SearchParts {
  answers: AnswerBytes
}

interface SearchRequest<Named> {
  request: FastifyRequest
  reply: FastifyReply
  /** What was searched, as named in the response. */
  named: Named
  input: Pick<SearchInput, 'gallery' | 'set' | 'images' | 'given' | 'invalid' | 'signal'>
}

/** For a search that is a whole request: within the limits of responses, and in turns if it is long. */
export function searchAnswerer({ answers, ...searching }: AnsweredSearchOptions) {
  return async <Named extends object>({ request, reply, named, input }: SearchRequest<Named>) => {
    const account = answers.of(reply)
    const onBytes = (bytes: number) => account.take(bytes)
    const { keyName: caller, grant, trace } = request
    const found = await answerSearch({ ...input, caller, grant, trace, onBytes }, searching)
    const answer: Named & ViewedAnswer = { ...named, ...found }
    // the embeddings of hits are converted one by one, which the schema's serialiser would not do
    const isLong = account.bytes > inOneTurnMaxBytes || includes(input.given, 'hitVectors')
    return isLong ? inTurns(answer, reply, input.signal) : answer
  }
}

/**
 * @throws AlikeError as `retrieve` and `retrieveNext`, and `request_invalid`, `filter_invalid`, `image_missing`, `answer_too_large`,
 * `model_not_calibrated`; `forbidden` where hits with their embeddings are asked for without the right to list these
 */
export async function answerSearch(input: SearchInput, searching: SearchParts): Promise<ViewedAnswer> {
  const { parts, metrics, config } = searching
  const { given } = input
  if (includes(given, 'hitVectors')) expectVerb(input.grant, 'read')
  const { answer, threshold } =
    given.pageToken === undefined
      ? await first(input, searching)
      : { answer: await next(input, given.pageToken, searching) }
  for (const stage of stages) {
    const durationMs = answer.durations[`${stage}Ms`]
    // of a stored picture, nothing is decoded or embedded
    if (durationMs > 0) metrics.observeStage(stage, durationMs)
  }
  metrics.countSearch(answer.method)
  traceStages(input.trace, answer.durations, answer.method)
  // a search that only an operator can make says nothing about what people search for
  if (given.pageToken === undefined && input.set === undefined) watchAnswer(answer, input, parts.watch)
  return answerView(answer, {
    include: [given.include ?? []].flat(),
    vectorFormat: given.vectorFormat,
    links: config,
    calibration: answer.isExpanded ? undefined : parts.images.modelOf(answer.modelId).manifest.calibration,
    threshold,
  })
}

interface FirstPage {
  answer: Answer
  /** Of the vote, if there is one. */
  threshold?: CalibratedThreshold | undefined
}

async function first(input: SearchInput, { parts, config }: SearchParts): Promise<FirstPage> {
  const { gallery, caller, images, given, invalid, signal, onBytes } = input
  const serving = await servingOf(input, parts)
  const { calibration } = parts.images.modelOf(serving.modelId).manifest
  const threshold = voteThreshold(given, calibration, invalid)
  const reach = reachOf(given, config.searchMaxK)
  const query = {
    gallery,
    serving,
    signal,
    metadata: includes(given, 'metadata'),
    vectors: includes(given, 'hitVectors'),
    onBytes,
    ...examplesOf(images, given, invalid),
    ...hitsOf(given, calibration, invalid),
    ...pageOf(given, config.searchMaxK, reach, invalid),
    ...boostsOf(given, invalid),
    vote: given.vote === undefined ? undefined : { k: given.vote, threshold: threshold?.score },
    paged: given.paged === true ? { caller, reach } : undefined,
  }
  return { answer: await retrieve(query, parts), threshold }
}

function servingOf({ gallery, set }: SearchInput, { galleries: { searches } }: SearchParts['parts']): Promise<Serving> {
  return set === undefined ? searches.serving(gallery) : searches.ofSet([gallery].flat()[0]!, set)
}

/** Parameters that may accompany a page token; the query is known from the previous page. */
const besideToken: readonly string[] = ['pageToken', 'paged', 'k', 'include', 'vectorFormat']

/** From the set of the first page. */
function next(
  { gallery, caller, images, given, invalid, onBytes }: SearchInput,
  token: string,
  { parts, config }: SearchParts,
): Promise<Answer> {
  const other = images.length > 0 ? 'image' : Object.keys(given).find((name) => !besideToken.includes(name))
  if (other !== undefined) throw invalid(other, 'does not go together with pageToken')
  const k = given.k ?? usualK(config.searchMaxK)
  const shown = { metadata: includes(given, 'metadata'), vectors: includes(given, 'hitVectors'), onBytes }
  return retrieveNext({ gallery, token, caller, k, ...shown }, parts)
}

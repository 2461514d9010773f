/** Every failure ends here, and leaves as one kind of document (RFC 9457). */
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AlikeError, catalogue, type ErrorCode } from '../../errors.js'
import type { Metrics } from '../../metrics/metrics.js'
import { type Problem, problems } from '../schemas/problem.js'
import { isPublic, statusOf } from '../status.js'
import { RequestInvalid } from '../validation.js'

/** Temporary refusals: counted, with a time to retry. */
const refusals: readonly ErrorCode[] = [
  'overloaded',
  'rate_limited',
  'job_queue_full',
  'job_listeners_full',
  'storage_full',
  'shutting_down',
  'not_ready',
  'identity_unreachable',
  'store_unreachable',
  'store_outcome_unknown',
  'engine_unreachable',
  'engine_version_refused',
  'engine_setting_refused',
]
/** Server errors that are shown to callers all the same, because only their operator can fix them. */
const shownDefects: readonly ErrorCode[] = ['gallery_lost', 'gallery_newer', 'gallery_elsewhere']

/** Errors of Fastify, its plugins and sockets, by their code. */
const foreignCodes: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media_type_unsupported',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'body_incomplete',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'request_invalid',
  FST_ERR_CTP_INVALID_JSON_BODY: 'request_invalid',
  FST_ERR_BAD_URL: 'request_invalid',
  FST_ERR_MAX_PARAM_LENGTH: 'request_invalid',
  FST_REQ_FILE_TOO_LARGE: 'image_too_large',
  FST_PARTS_LIMIT: 'body_too_large',
  FST_FILES_LIMIT: 'body_too_large',
  FST_FIELDS_LIMIT: 'body_too_large',
  FST_MP_PREMATURE_CLOSE: 'body_incomplete',
  FST_PROTO_VIOLATION: 'request_invalid',
  FST_INVALID_JSON_FIELD_ERROR: 'request_invalid',
  ECONNRESET: 'body_incomplete',
  ERR_STREAM_PREMATURE_CLOSE: 'body_incomplete',
}

/** Where the code alone does not say what to change. */
const foreignDetails: Readonly<Record<string, string>> = {
  FST_ERR_BAD_URL: 'The path contains a % that is not part of valid percent-encoded UTF-8; encode a literal % as %25.',
  FST_ERR_MAX_PARAM_LENGTH: 'A segment of the path is too long.',
  FST_PROTO_VIOLATION: 'The form has a part whose name is not accepted, such as __proto__.',
  FST_INVALID_JSON_FIELD_ERROR: 'The form has a part of the type application/json that is no JSON.',
  FST_PARTS_LIMIT: 'The form has too many parts.',
  FST_FILES_LIMIT: 'The form has too many files.',
  FST_FIELDS_LIMIT: 'The form has too many fields.',
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The problem's code, if the answer was a problem; otherwise empty. */
    problemCode: string
  }
}

export function registerProblems(app: FastifyInstance, { metrics }: { metrics: Metrics }): void {
  const methodsOfPaths = rememberRoutes(app)
  app.decorateRequest('problemCode', '')
  metrics.expectRefusals(refusals)
  // the answers of `client-errors.ts` and `header-rules.ts`, before a route is known, and those of `shutting-down.ts` can
  // occur anywhere
  app.addHook('onRoute', ({ schema }) => {
    if (schema !== undefined && schema.hide !== true)
      schema.response = { ...(schema.response as object), ...problems(400, 408, 417, 431, 503) }
  })

  // before a body is read, because the limits of bodies belong to routes; CORS has answered its preflights by now
  app.addHook('preParsing', (request, reply, _payload, done) => {
    if (request.is404 || request.method === 'OPTIONS') sendNoRoute(request, reply)
    else done()
  })

  app.setErrorHandler((error: FastifyError, request, reply) => {
    const known = asAlikeError(error, request)
    noteProblem(known, request, metrics)
    return sendProblem(known, request, reply)
  })

  app.setNotFoundHandler(sendNoRoute)

  function sendNoRoute(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const methods = methodsOfPaths(request.url)
    if (methods.length === 0) return sendProblem(new AlikeError('route_not_found'), request, reply)
    reply.header('allow', methods.join(', '))
    return sendProblem(
      new AlikeError('method_not_allowed', { detail: `Supported: ${methods.join(', ')}.` }),
      request,
      reply,
    )
  }
}

/** For a request that fails before routing, such as one whose URL cannot be decoded: no hook counts it. */
export function sendUnrouted(error: unknown, request: FastifyRequest, reply: FastifyReply, metrics: Metrics): void {
  const known = asAlikeError(error, request)
  noteProblem(known, request, metrics)
  metrics.countRequest(request.method, 'unmatched', statusOf(known.code))
  sendProblem(known, request, reply)
}

function sendProblem(error: AlikeError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (refusals.includes(error.code)) reply.header('retry-after', error.retryAfterSeconds ?? 1)
  reply.header('x-request-id', request.id) // hooks do not run without a route
  const problem = problemOf(error, request)
  request.problemCode = problem.code
  // Serialised here: the route's schema for a status is not always that of a problem.
  return reply.code(problem.status).type('application/problem+json').serializer(JSON.stringify).send(problem)
}

/** What the caller receives. */
export function problemOf(error: AlikeError, request: FastifyRequest): Problem {
  const status = statusOf(error.code)
  // Internal errors are described only in the log.
  const isShown = status < 500 || refusals.includes(error.code) || shownDefects.includes(error.code)
  const code = isPublic(error.code) && isShown ? error.code : 'internal'
  return {
    type: `urn:alike:problem:${code}`,
    title: catalogue[code],
    status,
    code,
    detail: code === error.code && code !== 'internal' ? error.detail : undefined,
    requestId: request.id,
    traceId: request.traceId || undefined,
    errors: error instanceof RequestInvalid ? [...error.misfits] : undefined,
  }
}

/** An error of Fastify, its plugins or sockets by its code; any other one is `internal`. */
export function asAlikeError(error: unknown, request: FastifyRequest): AlikeError {
  if (error instanceof AlikeError) return error
  if (request.raw.aborted || isAbort(error)) return new AlikeError('body_incomplete', { cause: error })
  const { code, message = '', statusCode = 500 } = error as Partial<FastifyError>
  const known = code === undefined ? undefined : foreignCodes[code]
  if (known === 'media_type_unsupported') return new AlikeError(known, { ...acceptedTypes(request), cause: error })
  if (known !== undefined) return new AlikeError(known, { detail: foreignDetails[code!], cause: error })
  // The multipart parser's errors have no codes, only messages.
  if (/multipart|part terminated early|^the needle|^unsupported content-type|^boundary/i.test(message)) {
    return new AlikeError(/unexpected end|terminated early/i.test(message) ? 'body_incomplete' : 'request_invalid', {
      detail: 'The multipart form is damaged.',
      cause: error,
    })
  }
  return new AlikeError(statusCode >= 400 && statusCode < 500 ? 'request_invalid' : 'internal', { cause: error })
}

/** The content types that the route's schema declares. */
function acceptedTypes({ routeOptions }: FastifyRequest): { detail?: string } {
  const body = routeOptions.schema?.body as { content?: object } | undefined
  if (body === undefined) return {}
  return { detail: `Accepted: ${Object.keys(body.content ?? { 'application/json': body }).join(', ')}.` }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

/** Logged, and counted if it is a refusal. */
export function noteProblem(error: AlikeError, request: FastifyRequest, metrics: Metrics): void {
  if (refusals.includes(error.code)) metrics.countRefusal(error.code)
  if (statusOf(error.code) >= 500 && !refusals.includes(error.code)) request.log.error({ err: error }, 'request failed')
  else request.log.info({ code: error.code, detail: error.detail }, 'request refused')
}

/** Which methods a path supports, for 405: Fastify itself only says that it found no route. */
function rememberRoutes(app: FastifyInstance): (url: string) => string[] {
  const routes: { pattern: RegExp; method: string }[] = []
  app.addHook('onRoute', ({ url, method }) => {
    if (url.includes('*')) return
    const pattern = new RegExp(`^${url.replace(/[.]/g, '\\.').replace(/:\w+/g, '[^/]+')}$`)
    for (const name of [method].flat()) routes.push({ pattern, method: name })
  })
  return (url) => {
    const path = url.split('?', 1)[0] ?? ''
    return [...new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method))].sort()
  }
}

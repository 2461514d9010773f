/** RFC 9457 problem documents. */
import { Type } from 'typebox'
import { catalogue } from '../../errors.js'
import { publicCodes } from '../status.js'
import type { Answered } from '../typed-app.js'
import { named, reference } from './named.js'

export const Problem = named(
  'Problem',
  Type.Object(
    {
      type: Type.String({ description: 'A URN that contains the code.' }),
      title: Type.String({ description: 'The meaning of the code; always the same sentence for a code.' }),
      status: Type.Integer({ description: 'The HTTP status.' }),
      code: Type.Enum([...publicCodes], { type: 'string', description: 'Stable; switch on this.' }),
      detail: Type.Optional(Type.String({ description: 'Details about this request.' })),
      requestId: Type.String({ description: 'Identifies the request in the log.' }),
      traceId: Type.Optional(Type.String({ description: 'Id of its trace, if there is one (W3C Trace Context).' })),
      errors: Type.Optional(
        Type.Array(
          Type.Object({
            in: Type.Enum(['path', 'query', 'headers', 'body', 'form'], { type: 'string' }),
            pointer: Type.String({ description: 'JSON pointer to the invalid value.' }),
            detail: Type.String(),
          }),
          { description: 'Every violation, for `request_invalid`.' },
        ),
      ),
    },
    {
      description: 'Why a request failed (RFC 9457).',
      examples: [
        {
          type: 'urn:alike:problem:gallery_not_found',
          title: catalogue.gallery_not_found,
          status: 404,
          code: 'gallery_not_found',
          requestId: '6f1c6c9e-3a52-4c3e-8f5e-0d3c1e9a7b11',
        },
      ],
    },
  ),
)
export type Problem = Answered<typeof Problem>

/** Responses of a route: its answers, and its own problems, by status. */
export function problems(...statuses: ProblemStatus[]): Record<number, object> {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      { description: statusMeanings[status], content: { 'application/problem+json': { schema: reference(Problem) } } },
    ]),
  )
}

const statusMeanings = {
  400: 'The request does not match its schema, or its body is incomplete.',
  401: 'The service requires an API key, and there is no valid one.',
  403: 'The API key does not have the required role.',
  404: 'There is no such gallery, picture, job, snapshot or model.',
  408: 'The request did not arrive in time.',
  409: 'It conflicts with stored data.',
  410: 'The page token has expired.',
  412: 'What is stored is not what `If-Match` or `If-None-Match` requires; nothing has changed.',
  413: 'The body exceeds the maximum size.',
  415: 'The content type or picture format is not supported.',
  416: 'The range is outside the file.',
  417: 'The header Expect is not 100-continue.',
  422: 'A picture, archive, address or model that the request contains or names cannot be used.',
  429: 'At capacity, or too many requests; the header Retry-After says when to try again.',
  431: 'The URL and headers exceed the maximum size.',
  503: 'The service is starting or stopping, or a store that it needs is unavailable.',
  507: 'The disk is full.',
} as const
type ProblemStatus = keyof typeof statusMeanings

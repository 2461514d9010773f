/** RFC 9457 problem documents. */
import { type Static, Type } from 'typebox'
import { catalogue } from '../../errors.js'
import { publicCodes } from '../status.js'
import { named, reference } from './named.js'

export const Problem = named(
  'Problem',
  Type.Object(
    {
      type: Type.String({ description: 'A URN made of the code.' }),
      title: Type.String({ description: 'What the code means; the same sentence for each code.' }),
      status: Type.Integer({ description: 'The HTTP status.' }),
      code: Type.Enum([...publicCodes], { type: 'string', description: 'Stable; switch on this.' }),
      detail: Type.Optional(Type.String({ description: 'What went wrong in this request.' })),
      requestId: Type.String({ description: 'Finds the request in the log.' }),
      traceId: Type.Optional(Type.String({ description: 'Of its trace, where there is one (W3C Trace Context).' })),
      errors: Type.Optional(
        Type.Array(
          Type.Object({
            in: Type.Enum(['path', 'query', 'headers', 'body', 'form'], { type: 'string' }),
            pointer: Type.String({ description: 'JSON pointer to what is wrong.' }),
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
export type Problem = Static<typeof Problem>

/** Responses of a route: what it answers, and the problems that are its own, by status. */
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
  401: 'No valid API key, where the service asks for one.',
  403: 'The API key does not have the required role.',
  404: 'There is no such gallery, picture, job, snapshot or model.',
  408: 'It did not arrive in the time allowed.',
  409: 'It conflicts with what is stored.',
  410: 'The page token has expired.',
  413: 'More bytes than allowed.',
  415: 'A content type or picture format that is not accepted.',
  416: 'The range lies beyond the picture.',
  417: 'The header Expect asks for something else than 100-continue.',
  422: 'The picture or archive can not be used.',
  429: 'At capacity, or more requests than allowed; the header Retry-After says when to try again.',
  431: 'Address and headers have more bytes than allowed.',
  503: 'Starting or stopping.',
  507: 'The disk is full.',
} as const
type ProblemStatus = keyof typeof statusMeanings

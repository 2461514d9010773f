/**
 * JSON bodies: bounded in depth and number of values before anything recurses over them, with error messages that
 * callers can use.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { bodyBounds, misfitOfStored, readJson } from '../bounded-json.js'
import { type Misfit, RequestInvalid } from './validation.js'

/** Replaces Fastify's own parser; members that could reach a prototype are refused, as in that one. */
export function acceptJson(scope: FastifyInstance, { bodyLimit }: { bodyLimit?: number } = {}): void {
  const options = { parseAs: 'buffer', ...(bodyLimit !== undefined && { bodyLimit }) } as const
  scope.removeContentTypeParser('application/json')
  scope.addContentTypeParser('application/json', options, (request, body: Buffer, done) => {
    const read = body.length === 0 ? readNothing(request) : readJson(body, bodyBounds)
    if ('misfit' in read) done(new RequestInvalid([{ in: 'body', pointer: '', detail: read.misfit }]))
    else done(null, read.value)
  })
}

/** Many clients name the type even if they send nothing: where a body is optional, or none is taken, that is no parameters. */
function readNothing({ routeOptions }: FastifyRequest): { value: unknown } | { misfit: string } {
  const body = routeOptions.schema?.body
  const isNeeded = typeof body === 'object' && body !== null && !('content' in body)
  return isNeeded ? { misfit: 'is empty' } : { value: {} }
}

/**
 * For JSON that will be stored.
 * @throws RequestInvalid
 */
export function expectStorable(value: unknown, maxBytes: number, place: Pick<Misfit, 'in' | 'pointer'>): void {
  const misfit = misfitOfStored(value, maxBytes)
  if (misfit !== undefined) throw new RequestInvalid([{ ...place, detail: misfit }])
}

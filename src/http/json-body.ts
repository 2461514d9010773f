/** JSON bodies: bounded in depth and values before anything recurses over them, and refused in words a caller can use. */
import type { FastifyInstance } from 'fastify'
import { bodyBounds, misfitOfStored, readJson } from '../bounded-json.js'
import { type Misfit, RequestInvalid } from './validation.js'

/** In place of Fastify's own parser; members that would reach a prototype are refused as by that one. */
export function acceptJson(scope: FastifyInstance, { bodyLimit }: { bodyLimit?: number } = {}): void {
  const options = { parseAs: 'buffer', ...(bodyLimit !== undefined && { bodyLimit }) } as const
  scope.removeContentTypeParser('application/json')
  scope.addContentTypeParser('application/json', options, (_request, body: Buffer, done) => {
    const read = body.length === 0 ? { misfit: 'is empty' } : readJson(body, bodyBounds)
    if ('misfit' in read) done(new RequestInvalid([{ in: 'body', pointer: '', detail: read.misfit }]))
    else done(null, read.value)
  })
}

/**
 * Of JSON that is to be stored.
 * @throws RequestInvalid
 */
export function expectStorable(value: unknown, maxBytes: number, place: Pick<Misfit, 'in' | 'pointer'>): void {
  const misfit = misfitOfStored(value, maxBytes)
  if (misfit !== undefined) throw new RequestInvalid([{ ...place, detail: misfit }])
}

/**
 * Bodies come as they are: one that is packed on the way (`Content-Encoding: gzip`) would have no bound
 * that could be told from its length, and pictures and archives are packed already.
 */
import type { FastifyInstance } from 'fastify'
import { AlikeError } from '../../errors.js'
import { problems } from '../schemas/problem.js'

/** Refused before the body is read; the header that RFC 9110 asks for in this case says what is accepted. */
export function refuseCodedBodies(app: FastifyInstance): void {
  app.addHook('onRoute', ({ schema }) => {
    if (schema?.body !== undefined) schema.response = { ...problems(415), ...(schema.response as object) }
  })
  app.addHook('onRequest', async ({ headers }, reply) => {
    const coding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
    const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
    if (!hasBody || coding === 'identity' || coding === '') return
    reply.header('accept-encoding', 'identity')
    throw new AlikeError('media_type_unsupported', {
      detail: 'Content-Encoding is not accepted: send the body as it is. A tar.gz is sent as application/gzip.',
    })
  })
}

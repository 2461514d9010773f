/**
 * Bodies must not be compressed: the size of a compressed body (`Content-Encoding: gzip`) would not be known from its
 * length, and pictures and archives are compressed already.
 */
import type { FastifyInstance } from 'fastify'
import { AlikeError } from '../../errors.js'
import { problems } from '../schemas/problem.js'

/** Refused before the body is read; the header that RFC 9110 requires in this case says what is supported. */
export function refuseCodedBodies(app: FastifyInstance): void {
  app.addHook('onRoute', ({ schema }) => {
    if (schema?.body !== undefined) schema.response = { ...problems(413, 415), ...(schema.response as object) }
  })
  app.addHook('onRequest', async ({ headers }, reply) => {
    const coding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
    const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
    if (!hasBody || coding === 'identity' || coding === '') return
    reply.header('accept-encoding', 'identity')
    throw new AlikeError('media_type_unsupported', {
      detail: 'Content-Encoding is not supported: send the body uncompressed. Send a tar.gz as application/gzip.',
    })
  })
}

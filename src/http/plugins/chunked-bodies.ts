/**
 * Bodies in chunks of a few bytes (`Transfer-Encoding: chunked`): Fastify keeps each chunk until the body is complete, so
 * that 20 MB could take gigabytes.
 */
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { gathered } from '../../ingest/read-bounded.js'

/** For routes that read bodies as a whole. Forms are read from the request itself, part by part. */
export function gatherChunks(scope: FastifyInstance): void {
  scope.addHook('preParsing', async ({ raw }, _reply, payload) => {
    if (raw.headers['transfer-encoding'] === undefined) return payload
    // a destroyed request could not be answered
    const body = Readable.from(gathered(raw.iterator({ destroyOnReturn: false })), { objectMode: false })
    body.on('error', () => {}) // Fastify no longer listens once it has refused a body, whose client may still leave
    return body
  })
}

/**
 * Answers without a body: to `HEAD`, for which Fastify runs the route of `GET` and would read a stream to its end although
 * nobody receives it, as often as anyone asks; and 304, for which it would state the length of `null`.
 */
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'

export function omitBodies(app: FastifyInstance): void {
  app.addHook('onSend', ({ method }, { statusCode }, payload: unknown, done) => {
    if (method !== 'HEAD') return done(null, statusCode === 304 ? null : payload)
    if (payload instanceof Readable) payload.destroy()
    // it expects something that it can read, and a stream has no length
    done(null, statusCode === 204 || statusCode === 304 ? Readable.from([]) : payload)
  })
}

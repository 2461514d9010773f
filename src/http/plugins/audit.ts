/**
 * The audit log: one line for each request that writes, or is refused because of its caller. It contains neither keys
 * nor bodies.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { AuditLog } from '../../access/audit-log.js'
import { whenGone } from '../client-gone.js'

/** Refusals caused by the caller rather than the request. */
const refusedStatuses = [401, 403, 429]

export function auditRequests(app: FastifyInstance, log: AuditLog | undefined): void {
  if (log === undefined) return
  app.addHook('onRequest', async (request, reply) => {
    let isSent = false
    // Not 'onResponse': with other hooks before it, its turn comes after the connection's 'close'.
    reply.raw.once('finish', () => {
      isSent = true
    })
    whenGone(reply, () => {
      if (isOfInterest(request, reply)) log.write(entryOf(request, isSent ? reply.statusCode : undefined))
    })
  })
}

function isOfInterest({ routeOptions }: FastifyRequest, { statusCode }: FastifyReply): boolean {
  const { role } = routeOptions.config
  return role === 'write' || role === 'admin' || (role !== undefined && refusedStatuses.includes(statusCode))
}

/** @param status undefined: the client disconnected before its answer */
function entryOf(request: FastifyRequest, status?: number): object {
  const { routeOptions, method, params, ip, id, keyName, problemCode } = request
  const { gallery, id: image, job } = (params ?? {}) as { gallery?: string; id?: string; job?: string }
  const { operationId } = (routeOptions.schema ?? {}) as { operationId?: string }
  const outcome = status === undefined ? 'left' : status < 400 ? 'done' : status < 500 ? 'refused' : 'failed'
  return {
    caller: keyName,
    address: ip,
    action: operationId ?? `${method} ${routeOptions.url ?? ''}`,
    gallery,
    image,
    job,
    outcome,
    status,
    code: problemCode || undefined,
    requestId: id,
  }
}

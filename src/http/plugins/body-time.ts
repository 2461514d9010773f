/** Limits the time that a body may take: one that trickles in would occupy its place indefinitely. */
import type { OutgoingHttpHeaders } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { AlikeError } from '../../errors.js'
import type { Metrics } from '../../metrics/metrics.js'
import { noteProblem, problemOf } from './problem.js'

export interface BodyTimeOptions {
  bodyTimeoutMs: number
  metrics: Metrics
}

/** A request whose body is late is answered with `request_timeout`. */
export function limitBodyTime(scope: FastifyInstance, { bodyTimeoutMs, metrics }: BodyTimeOptions): void {
  scope.addHook('preParsing', async (request, reply) => {
    const { raw } = request
    if (raw.readableEnded || raw.complete) return
    const detail = `The body did not arrive within ${bodyTimeoutMs} ms.`
    const late = () => {
      const error = new AlikeError('request_timeout', { detail })
      noteProblem(error, request, metrics)
      answerNow(error, request, reply)
    }
    const timer = setTimeout(late, bodyTimeoutMs).unref()
    for (const event of ['end', 'close']) raw.once(event, () => clearTimeout(timer))
  })
}

/** Answers while something is still reading the body, and closes the connection. */
function answerNow(error: AlikeError, request: FastifyRequest, reply: FastifyReply): void {
  if (reply.sent) return void request.raw.destroy()
  // the reader will fail, and has no answer to give any more
  reply.hijack()
  const problem = problemOf(error, request)
  request.problemCode = problem.code
  reply.raw
    .writeHead(problem.status, {
      ...(reply.getHeaders() as OutgoingHttpHeaders),
      'content-type': 'application/problem+json',
      connection: 'close',
    })
    .end(JSON.stringify(problem))
}

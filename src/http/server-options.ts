/** What every app of a process has in common: addresses, request ids, the log, and failures before routing. */
import { randomUUID } from 'node:crypto'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../config/config.js'
import { textsOf } from '../config/listed.js'
import type { Metrics } from '../metrics/metrics.js'
import { requestLogging } from './logger.js'
import { withoutBasePath } from './plugins/base-path.js'
import type { UnreadableRequests } from './plugins/client-errors.js'
import { answerOrigin } from './plugins/cross-origin.js'
import { httpOptions, safeRequestId } from './plugins/header-rules.js'
import { sendUnrouted } from './plugins/problem.js'
import { trustedProxies } from './plugins/trusted-proxies.js'

export interface ServerOptions {
  config: Pick<Config, 'basePath' | 'corsOrigins' | 'trustProxy'>
  metrics: Metrics
  logger: FastifyBaseLogger
}

/** @returns options of Fastify @throws AlikeError `config_invalid` */
export function serverOptions({ config, metrics, logger }: ServerOptions, unreadable: UnreadableRequests) {
  return {
    http: httpOptions,
    ...requestLogging(logger),
    genReqId: ({ headers }: Pick<FastifyRequest, 'headers'>) => safeRequestId(headers['x-request-id']) ?? randomUUID(),
    trustProxy: trustedProxies(textsOf(config.trustProxy)),
    rewriteUrl: withoutBasePath(config.basePath),
    clientErrorHandler: unreadable.answer,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      answerOrigin(request, reply, textsOf(config.corsOrigins))
      sendUnrouted(error, request, reply, metrics)
    },
  }
}

/**
 * Apps beside the main one: metrics on their own port, a process that only runs jobs, a process that must not serve.
 */
import Fastify, { type FastifyInstance } from 'fastify'
import { ApiKeys } from './access/api-keys.js'
import { isOpenToAll } from './access/tokens.js'
import type { AppOptions } from './app.js'
import { AlikeError } from './errors.js'
import { guard } from './http/plugins/access.js'
import { limitConnections } from './http/plugins/admission.js'
import { answerUnreadable } from './http/plugins/client-errors.js'
import { refuseForeignPages } from './http/plugins/foreign-pages.js'
import { checkHeaders } from './http/plugins/header-rules.js'
import { registerProblems } from './http/plugins/problem.js'
import { discardRefusedBodies } from './http/plugins/refused-bodies.js'
import { metricsRoutes } from './http/routes/metrics.js'
import { probeRoutes } from './http/routes/probes.js'
import { Problem } from './http/schemas/problem.js'
import { serverOptions } from './http/server-options.js'

type SideAppOptions = Omit<AppOptions, 'parts' | 'auditLog' | 'tracing'>

/** Only `/metrics`, for a separate port; access is controlled as on the main port. */
export async function buildMetricsApp(options: SideAppOptions): Promise<FastifyInstance> {
  const app = await buildSideApp(options)
  await app.register(metricsRoutes, { metrics: options.metrics })
  return app
}

/** For a process that only runs jobs: probes and metrics. */
export async function buildWorkerApp(options: SideAppOptions & Pick<AppOptions, 'parts'>): Promise<FastifyInstance> {
  const app = await buildSideApp(options)
  await app.register(probeRoutes, options.parts)
  if (options.config.metricsPort === 0) await app.register(metricsRoutes, { metrics: options.metrics })
  return app
}

/** The apps of a process that must not serve; with `METRICS_PORT`, metrics have their port here too. */
export async function buildUnreadyApps(
  options: SideAppOptions & { reason: AlikeError },
): Promise<{ app: FastifyInstance; metricsApp: FastifyInstance | undefined; close(): Promise<void> }> {
  const hasPort = options.config.metricsPort !== 0
  const app = await buildUnreadyApp(options, !hasPort)
  const metricsApp = hasPort ? await buildUnreadyApp(options, true) : undefined
  return {
    app,
    metricsApp,
    close: async () => void (await Promise.all([app.close(), metricsApp?.close()])),
  }
}

/** Alive, with metrics, and one reason for everything else. */
async function buildUnreadyApp(
  { reason, ...options }: SideAppOptions & { reason: AlikeError },
  hasMetrics: boolean,
): Promise<FastifyInstance> {
  const app = await buildSideApp(options)
  if (hasMetrics) await app.register(metricsRoutes, options)
  const answered = hasMetrics ? ['/livez', '/metrics'] : ['/livez']
  // before any body is read
  app.addHook('onRequest', async ({ routeOptions }) => {
    if (!answered.includes(routeOptions.url ?? '')) throw new AlikeError('not_ready', { detail: reason.message })
  })
  app.get('/livez', { config: { role: 'open' } }, async () => ({ status: 'ok' }))
  app.all('/*', { config: { role: 'open' } }, async () => undefined)
  return app
}

/** With the same access control as the service, but no routes yet. */
async function buildSideApp({
  config,
  metrics,
  logger,
  apiKeys = new ApiKeys([]),
  tokens,
}: SideAppOptions): Promise<FastifyInstance> {
  const unreadable = answerUnreadable({ logger, metrics })
  const app = Fastify(serverOptions({ config, metrics, logger }, unreadable))
  unreadable.follow(app.server)
  app.addSchema(Problem)
  registerProblems(app, { metrics })
  checkHeaders(app, unreadable)
  limitConnections(app, { ...config, onRefusal: () => metrics.countRefusal('overloaded') })
  discardRefusedBodies(app, config)
  refuseForeignPages(app, { ...config, isOpen: () => isOpenToAll(apiKeys, tokens) })
  await guard(app, { ...config, keys: apiKeys, tokens, galleryOfJob: async () => '' })
  return app
}

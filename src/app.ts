/** The wiring: every plugin and every route, in the order in which a request meets them. */
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { ApiKeys } from './access/api-keys.js'
import type { AuditLog } from './access/audit-log.js'
import { isOpenToAll, type Tokens } from './access/tokens.js'
import type { Analyses } from './analysis/analyses.js'
import type { Snapshots } from './backups/snapshots.js'
import type { Config } from './config/config.js'
import { textsOf } from './config/listed.js'
import type { ServedModels } from './embedding/served-models.js'
import type { ExplainParts } from './explain.js'
import type { Galleries } from './gallery/galleries.js'
import type { AnswerBytes } from './http/answer-bytes.js'
import { BodyMemory, bodyBytes, jsonCopies } from './http/body-memory.js'
import { acceptJson } from './http/json-body.js'
import { type Guard, guard } from './http/plugins/access.js'
import { expectAddressText } from './http/plugins/address-text.js'
import { continueWhenRead, limitConcurrency, limitConnections } from './http/plugins/admission.js'
import { limitAnswers } from './http/plugins/answer-limits.js'
import { auditRequests } from './http/plugins/audit.js'
import { prefixAddresses } from './http/plugins/base-path.js'
import { limitBodyTime } from './http/plugins/body-time.js'
import { omitBodies } from './http/plugins/bodyless-answers.js'
import { gatherChunks } from './http/plugins/chunked-bodies.js'
import { answerUnreadable, type UnreadableRequests } from './http/plugins/client-errors.js'
import { serveConsole } from './http/plugins/console.js'
import { refuseCodedBodies } from './http/plugins/content-coding.js'
import { allowOrigins } from './http/plugins/cross-origin.js'
import { refuseForeignPages } from './http/plugins/foreign-pages.js'
import { checkHeaders } from './http/plugins/header-rules.js'
import { keepWhileWorking } from './http/plugins/idle-connections.js'
import { acceptImages, imageBodyMemory } from './http/plugins/image-bodies.js'
import { refuseUnknownGallery } from './http/plugins/known-gallery.js'
import { describeApi } from './http/plugins/openapi.js'
import { takeTurns } from './http/plugins/pipelined-requests.js'
import { registerProblems } from './http/plugins/problem.js'
import { serveReferencePage } from './http/plugins/reference-page.js'
import { discardRefusedBodies } from './http/plugins/refused-bodies.js'
import { measureRequests } from './http/plugins/request-metrics.js'
import { refuseUnknownRestrictions } from './http/plugins/restrictions.js'
import { sendSecurityHeaders } from './http/plugins/security-headers.js'
import { refuseWhileClosing } from './http/plugins/shutting-down.js'
import { traceRequests } from './http/plugins/trace-requests.js'
import { limitUploads } from './http/plugins/upload-admission.js'
import type { QueryWatch } from './http/query-watch.js'
import { analysisRoutes } from './http/routes/analyses.js'
import { decisionRoutes } from './http/routes/decisions.js'
import { embeddingSetRoutes } from './http/routes/embedding-sets.js'
import { explainRoutes } from './http/routes/explain.js'
import { feedbackRoutes } from './http/routes/feedback.js'
import { galleryRoutes } from './http/routes/galleries.js'
import { galleryContentsRoutes } from './http/routes/gallery-contents.js'
import { galleryOptionsRoutes } from './http/routes/gallery-options.js'
import { homeRoutes } from './http/routes/home.js'
import { imageRoutes } from './http/routes/image.js'
import { imageUploadRoutes } from './http/routes/image-uploads.js'
import { imagesRoutes } from './http/routes/images.js'
import { ingestRoutes } from './http/routes/ingest.js'
import { ingestS3Routes } from './http/routes/ingest-s3.js'
import { jobEventRoutes } from './http/routes/job-events.js'
import { jobRoutes } from './http/routes/jobs.js'
import { layoutRoutes } from './http/routes/layout.js'
import { metricsRoutes } from './http/routes/metrics.js'
import { modelInstallRoutes } from './http/routes/model-install.js'
import { modelRoutes } from './http/routes/models.js'
import { moveRoutes } from './http/routes/moves.js'
import { originalRoutes } from './http/routes/originals.js'
import { probeRoutes } from './http/routes/probes.js'
import { searchRoutes } from './http/routes/search.js'
import { searchBatchRoutes } from './http/routes/search-batch.js'
import { joinedSearchRoutes } from './http/routes/search-galleries.js'
import { snapshotRoutes } from './http/routes/snapshots.js'
import { vectorRoutes } from './http/routes/vectors.js'
import { serialiserFactory } from './http/serialization.js'
import { serverOptions } from './http/server-options.js'
import { validatorCompiler } from './http/validation.js'
import type { Decoders } from './image/decoders.js'
import type { Ingest } from './ingest/ingest.js'
import type { IntakeParts } from './ingest/new-image.js'
import type { Jobs } from './jobs/jobs.js'
import type { Metrics } from './metrics/metrics.js'
import type { EmbeddingSets } from './re-embedding/embedding-sets.js'
import type { GalleryMoves } from './re-embedding/gallery-moves.js'
import type { Tracing } from './tracing/tracing.js'

export interface AppParts extends IntakeParts, ExplainParts {
  models: ServedModels
  decoders: Decoders
  galleries: Galleries
  jobs: Jobs
  ingest: Ingest
  analyses: Analyses
  sets: EmbeddingSets
  moves: GalleryMoves
  snapshots: Snapshots
  watch: QueryWatch
}

/** Body size of JSON without pictures. */
const plainBodyMaxBytes = 256 * 1024

export interface AppOptions {
  config: Config
  metrics: Metrics
  logger: FastifyBaseLogger
  /** Default: open to everyone, unless tokens are configured. */
  apiKeys?: ApiKeys
  tokens?: Tokens | undefined
  auditLog?: AuditLog | undefined
  tracing?: Tracing | undefined
  /** Not accessed before the first request. */
  parts: AppParts
}

export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { config, logger, metrics, parts } = options
  const unreadable = answerUnreadable({ logger, metrics })
  const app = openFastify(options, unreadable)
  const shared = await addPlugins(app, options, unreadable)
  const memory = new BodyMemory(config)
  metrics.watch({ bodyMemoryBytes: () => memory.bytesInUse })
  const wiring = { ...options, ...shared, memory }

  await app.register((scope) => addPlainRoutes(scope, wiring))
  await app.register(async (scope) => {
    refuseUnknownGallery(scope, parts.galleries)
    const uploads = limitUploads(scope, { ...config, callerOf: shared.callerOf })
    metrics.watch({ uploadsInFlight: uploads.inFlight })
    await scope.register(modelInstallRoutes, { models: parts.models, uploads, config })
    await scope.register(ingestRoutes, { ingest: parts.ingest, uploads, memory, config })
  })
  await app.register((scope) => addImageRoutes(scope, wiring))
  return app
}

function openFastify(options: AppOptions, unreadable: UnreadableRequests): FastifyInstance {
  const app = Fastify({
    ...serverOptions(options, unreadable),
    bodyLimit: plainBodyMaxBytes,
    connectionTimeout: 120_000, // idle time, see `keepWhileWorking`; uploads to jobs may take hours
    keepAliveTimeout: 72_000, // longer than the usual minute of load balancers
    return503OnClosing: false, // `refuseWhileClosing` answers with a problem document
    schemaController: { compilersFactory: { buildSerializer: serialiserFactory } },
    routerOptions: { maxParamLength: 2_048 },
  })
  unreadable.follow(app.server)
  app.setValidatorCompiler(validatorCompiler)
  app.removeContentTypeParser('text/plain')
  acceptJson(app)
  return app
}

/** What plugins provide to routes. */
interface Shared extends Guard {
  answers: AnswerBytes
}

async function addPlugins(app: FastifyInstance, options: AppOptions, unreadable: UnreadableRequests): Promise<Shared> {
  const { config, metrics, apiKeys = new ApiKeys([]), tokens, auditLog, tracing, parts } = options
  const origins = textsOf(config.corsOrigins)
  traceRequests(app, tracing)
  measureRequests(app, { metrics })
  registerProblems(app, { metrics })
  await allowOrigins(app, origins)
  prefixAddresses(app, config.basePath)
  auditRequests(app, auditLog)
  checkHeaders(app, unreadable)
  refuseWhileClosing(app, config)
  const onRefusal = () => metrics.countRefusal('overloaded')
  metrics.watch({ connections: limitConnections(app, { ...config, onRefusal }) })
  takeTurns(app)
  keepWhileWorking(app)
  continueWhenRead(app)
  expectAddressText(app)
  const answers = limitAnswers(app, config)
  metrics.watch({ answerBytes: () => answers.held })
  omitBodies(app)
  sendSecurityHeaders(app, { embeddable: origins.length > 0 })
  refuseForeignPages(app, { ...config, isOpen: () => isOpenToAll(apiKeys, tokens) })
  const guarding = await guard(app, {
    ...config,
    keys: apiKeys,
    tokens,
    galleryOfJob: async (job) => (await parts.jobs.report(job)).job.gallery,
  })
  refuseUnknownRestrictions(app)
  refuseCodedBodies(app)
  discardRefusedBodies(app, config)
  await describeApi(app, config)
  await serveReferencePage(app, config)
  await app.register(serveConsole, config)
  return { answers, ...guarding }
}

type Wiring = AppOptions & Shared & { memory: BodyMemory }

/** Routes without pictures in their bodies. */
async function addPlainRoutes(scope: FastifyInstance, wiring: Wiring): Promise<void> {
  const { config, metrics, parts, answers, memory, stillAdmits, callerOf } = wiring
  const { models, galleries, jobs, ingest, analyses, snapshots } = parts
  memory.guard(scope, (request) => jsonCopies * bodyBytes(request, plainBodyMaxBytes))
  limitBodyTime(scope, { ...config, metrics })
  gatherChunks(scope)
  await scope.register(homeRoutes, { ...config, remote: parts.remote })
  await scope.register(probeRoutes, { models, galleries })
  if (config.metricsPort === 0) await scope.register(metricsRoutes, { metrics })
  await scope.register(modelRoutes, { models, galleries })
  await scope.register(embeddingSetRoutes, { sets: parts.sets })
  await scope.register(galleryRoutes, { ...parts, answers, config })
  await scope.register(galleryContentsRoutes, { galleries })
  await scope.register(galleryOptionsRoutes, { galleries, config })
  await scope.register(moveRoutes, { moves: parts.moves })
  await scope.register(imagesRoutes, { galleries, answers, config })
  await scope.register(imageRoutes, { galleries, config })
  await scope.register(layoutRoutes, { analyses, galleries, answers })
  await scope.register(originalRoutes, { ...parts, memory })
  await scope.register(decisionRoutes, { galleries, metrics })
  await scope.register(feedbackRoutes, { galleries, metrics })
  await scope.register(jobRoutes, { jobs })
  await scope.register(jobEventRoutes, { jobs, metrics, stillAdmits, callerOf, ...config })
  await scope.register(analysisRoutes, { analyses, jobs })
  await scope.register(ingestS3Routes, { ingest })
  await scope.register(snapshotRoutes, { snapshots })
}

/** Routes that decode pictures while their callers wait. */
async function addImageRoutes(scope: FastifyInstance, wiring: Wiring): Promise<void> {
  const { config, metrics, parts, answers, memory, countAgain } = wiring
  const admission = limitConcurrency(scope, config)
  metrics.watch({ requestsInFlight: admission.inFlight })
  memory.guard(scope, (request) => imageBodyMemory(request, config))
  limitBodyTime(scope, { ...config, metrics })
  gatherChunks(scope)
  await acceptImages(scope, config)
  await scope.register(vectorRoutes, { parts, memory, config })
  await scope.register(joinedSearchRoutes, { parts, memory, metrics, config, answers })
  await scope.register(async (inGallery) => {
    refuseUnknownGallery(inGallery, parts.galleries)
    await inGallery.register(imageUploadRoutes, { parts, memory, config })
    await inGallery.register(explainRoutes, { parts, memory, config })
    await inGallery.register(searchRoutes, { parts, memory, metrics, config, answers })
    await inGallery.register(searchBatchRoutes, { parts, memory, metrics, config, answers, admission, countAgain })
  })
}

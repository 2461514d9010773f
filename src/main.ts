/**
 * The process: reads the configuration, opens the parts in order, listens, and closes them in
 * reverse. `node dist/src/main.js`
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import { type Logger, pino } from 'pino'
import { ApiKeys, readKeys } from './access/api-keys.js'
import { openAuditLog } from './access/audit-log.js'
import { followKeyFile } from './access/key-file.js'
import { Tokens } from './access/tokens.js'
import { Analyses } from './analysis/analyses.js'
import { AnalysisRunner, analysisKinds } from './analysis/analysis-runner.js'
import { type AppParts, buildApp, buildMetricsApp, buildUnreadyApp, buildWorkerApp } from './app.js'
import { Snapshots } from './backups/snapshots.js'
import type { Config } from './config/config.js'
import { numbersOf } from './config/listed.js'
import { readConfig } from './config/read-config.js'
import type { Embedder } from './embedding/embedder.js'
import { ImageEmbedder } from './embedding/image-embedder.js'
import { ModelFolders } from './embedding/model-folders.js'
import type { Model } from './embedding/model-manifest.js'
import { PlaceMaps } from './embedding/place-maps.js'
import { openProvenEmbedder } from './embedding/proven-embedder.js'
import { ServedModels } from './embedding/served-models.js'
import { type EmbeddedEngine, openEmbedded } from './engines/embedded/embedded-engine.js'
import { indexPartsWanted } from './engines/embedded/vector-index/index-threads.js'
import type { WeaviateEngine } from './engines/weaviate/weaviate-engine.js'
import { AlikeError } from './errors.js'
import type { Engine } from './gallery/engine.js'
import { openGalleries } from './gallery/galleries.js'
import type { ServableModels } from './gallery/servable-models.js'
import { decodersWanted, openDecoders } from './image/decoders.js'
import { CopyBackfill } from './ingest/copy-backfill.js'
import { FolderWatch } from './ingest/folders/folder-watch.js'
import { type WatchedFolder, watchedFolders } from './ingest/folders/watched-folders.js'
import { Ingest } from './ingest/ingest.js'
import { IngestRunner } from './ingest/ingest-runner.js'
import { Spool } from './ingest/spool.js'
import type { EndedJobState, JobRecord } from './jobs/job.js'
import { openJobs } from './jobs/jobs.js'
import { Webhooks } from './jobs/webhooks.js'
import { createMetrics, type Metrics } from './metrics/metrics.js'
import { largestGalleries } from './metrics/readings.js'
import { counted } from './originals/counted-originals.js'
import { OriginalsGarbage } from './originals/garbage.js'
import { openOriginals, openSharedUploads } from './originals/open-originals.js'
import { EmbeddingSets } from './re-embedding/embedding-sets.js'
import { GalleryMoves } from './re-embedding/gallery-moves.js'
import { MoveRunner } from './re-embedding/move-runner.js'
import { ReEmbeddingRunner } from './re-embedding/re-embedding-runner.js'
import { SetExclusion } from './re-embedding/set-exclusion.js'
import { SetFollowers } from './re-embedding/set-followers.js'
import { SetMirrors } from './re-embedding/set-mirrors.js'
import { Shadow } from './re-embedding/shadow.js'
import { openListedBuckets } from './remote/listed-buckets.js'
import { openRemoteImages, type RemoteImages } from './remote/remote-images.js'
import { WebhookRequests } from './remote/webhook-requests.js'
import { expectRole, openStores, type Stores } from './stores.js'
import { useTextForm } from './text.js'
import { openTracing } from './tracing/open-tracing.js'
import { serviceVersion } from './version.js'
import { ModelDrift } from './watch/model-drift.js'
import { QueryDrift } from './watch/query-drift.js'
import { RecallSample } from './watch/recall-sample.js'

export interface Service {
  app: FastifyInstance
  /** For `METRICS_PORT`. */
  metricsApp?: FastifyInstance
  parts: AppParts
  /**
   * Finishes what was accepted, then closes every part; what runs longer than the grace is cut off.
   * @param crashed the process ends for an error
   */
  close(crashed?: boolean): Promise<void>
}

/** Everything but the port. @throws AlikeError of a part that can not be opened; the others are closed then */
export async function openService(
  config: Config,
  logger: Logger,
  metrics = createMetrics(),
  remote: RemoteImages = openRemoteImages({ ...config, onFetch: metrics.countFetch }),
): Promise<Service> {
  const opened: ((crashed: boolean) => Promise<void>)[] = [() => remote.close()]
  const closeAll = async (crashed = false) => {
    for (const close of opened.splice(0).reverse()) await close(crashed)
  }
  try {
    expectRole(config)
    useTextForm(config.textForm)
    const apiKeys = new ApiKeys(await readKeys(config))
    const tokens = Tokens.open(config)
    opened.push(endOf(followKeyFile({ settings: config, keys: apiKeys, logger, onReload: metrics.countKeyReload })))
    const auditLog = openAuditLog(config.auditLog, logger, (err) => {
      metrics.countAuditLoss()
      logger.error({ err }, 'the audit log can not be written')
    })
    if (auditLog !== undefined) opened.push(endOf(auditLog.close))
    const tracing = await openTracing(config, serviceVersion)
    if (tracing !== undefined) opened.push(() => tracing.close())
    if (apiKeys.isOpen && tokens === undefined)
      logger.warn('no API keys: everyone who reaches this address may read, write and delete')
    else logger.info({ keys: apiKeys.count, tokensOf: config.jwtIssuer }, 'callers need an API key or a token')
    const modelFolders = await ModelFolders.open(
      config.modelDir,
      config.modelsDir || join(config.dataDir, 'models'),
      logger,
    )
    const models = await ServedModels.open({
      folders: modelFolders,
      open: (model) => openModel(model, { config, logger, metrics, isStandard: model === modelFolders.standard }),
      openMax: config.modelsOpenMax,
      idleMs: config.modelIdleSeconds * 1_000,
      logger,
    })
    opened.push(() => models.close())
    const embedder = models.standard

    const embedded = await openEmbedded({
      dataDir: config.dataDir,
      damagedRecords: 'named',
      cataloguedElsewhere: config.postgresUrl !== '',
      index: { exactBelow: config.exactBelow, parts: indexPartsWanted(config, availableParallelism()) },
      storage: {
        pageMaxLength: config.answerMaxBytes / 4,
        galleryImagesMax: config.galleryMaxImages,
        feedbackMax: config.feedbackMax,
        decisionsMax: config.decisionsMax,
        databaseMaxBytes: config.databaseMaxBytes,
        graphCacheAfterWrites: config.graphCacheAfterWrites,
        graphCacheAfterSeconds: config.graphCacheAfterSeconds,
      },
      logger,
      onIndexRebuild: metrics.countIndexRebuild,
    })
    opened.push(() => embedded.close())
    const stores = await openStores(config, embedded, { name: 'embedded', logger })
    opened.push(() => stores.close())
    const weaviate = await openWeaviateOf(config, logger)
    if (weaviate !== undefined) opened.push(() => weaviate.close())
    const engines = { embedded, ...(weaviate && { weaviate }) }
    if (config.role !== 'all' && weaviate === undefined)
      logger.warn(
        'WEAVIATE_URL is not set: pictures are stored in this process’s data folder, where no other finds them',
      )
    const galleries = await openGalleries({
      ...stores,
      engines,
      engineOfNew: engineOfNew(config, engines),
      models: servable(modelFolders),
      limits: {
        galleriesMax: config.galleriesMax,
        pageMaxLength: config.answerMaxBytes / 4,
        changedMax: config.setChangedMax,
      },
      pages: {
        rankingsMax: config.pageRankingsMax,
        rankingsMaxBytes: config.pageRankingsMaxBytes,
        expirySeconds: config.pageExpirySeconds,
      },
      onRankingDrop: metrics.countRankingDrop,
    })
    opened.push(() => galleries.close())

    const decoders = await openDecoders({
      ...decodersWanted(config, availableParallelism()),
      memoryMaxBytes: config.decodeMemoryMaxBytes,
      environment: process.env,
      logger,
      onProcessEnd: metrics.countDecoderEnd,
      onDecoded: metrics.countDecoded,
    })
    opened.push(() => decoders.close())
    const placeMaps = new PlaceMaps({
      models,
      decoders,
      maxPixels: config.imageMaxPixels,
      maxQueue: config.explainQueueMax,
      idleMs: config.explainIdleSeconds * 1_000,
      logger,
      onOpen: metrics.countExplainOpen,
    })
    opened.push(() => placeMaps.close())
    const images = new ImageEmbedder({
      models,
      decoders,
      maxPixels: config.imageMaxPixels,
      queryViews: config.queryViews,
      galleryViews: config.galleryViews,
      thumbnailMaxSide: config.thumbnailMaxSidePixels,
    })
    const originals = await openOriginals(config)
    // other processes have galleries of which this one knows nothing
    if (originals !== undefined && config.postgresUrl === '') {
      const garbage = new OriginalsGarbage({
        store: originals,
        uses: embedded.originalUses,
        everyMs: 60_000,
        sweepEveryMs: 86_400_000,
        minAgeMs: 3_600_000,
        onRemoved: metrics.countOriginalRemoved,
        logger,
      })
      opened.push(() => garbage.close())
    }
    const intake = { galleries, images, remote, originals: originals && counted(originals, metrics.countOriginalPut) }
    const copyBackfill = new CopyBackfill({ galleries, decoders, logger, onDescribed: metrics.countDescribed })
    opened.push(() => copyBackfill.close())
    const spool = new Spool(config.dataDir, config.postgresUrl === '' ? undefined : await openSharedUploads(config))
    const concurrency = ingestConcurrency(embedder, decoders.count, config.embedQueueMax)
    const webhookRequests = new WebhookRequests(config)
    opened.push(() => webhookRequests.close())
    const webhooks = new Webhooks({
      jobs: stores.jobs,
      sender: webhookRequests,
      secret: config.webhookAllowedHosts === '' ? '' : config.webhookSecret,
      attemptsMax: config.webhookAttemptsMax,
      logger,
      onAttempt: metrics.countWebhook,
    })
    opened.push(() => webhooks.close())
    const mirrors = new SetMirrors({ ...intake, concurrency })
    const exclusion = new SetExclusion()
    const isShared = config.postgresUrl !== ''
    const followers = await SetFollowers.open({ galleries, mirrors, logger })
    opened.push(() => followers.close())
    const buckets = openListedBuckets({ ...config, onRead: metrics.countBucketRead })
    opened.push(() => buckets.close())
    const watched = watchedFolders(config.watchFolders, config.dataDir)
    const places = { buckets, folders: watched.map(({ folder }) => folder) }
    const jobs = await openJobs({
      store: stores.jobs,
      runsJobs: config.role !== 'serve',
      galleries,
      runners: [
        new IngestRunner({
          ...config,
          traceOf: tracing && ((job) => tracing.jobParts({ ...job, startedAt: startOf(job) })),
          parts: intake,
          spool,
          places,
          jobsMax: config.ingestJobsMax,
          concurrency,
          metrics,
        }),
        new AnalysisRunner({ galleries, copiesDescribed: copyBackfill.ended, jobsMax: config.analysisJobsMax }),
        new ReEmbeddingRunner({ ...config, galleries, mirrors, followers, jobsMax: config.reEmbeddingJobsMax }),
        new MoveRunner({
          ...config,
          ...{ galleries, mirrors, followers, exclusion, isShared, logger },
          jobsMax: config.reEmbeddingJobsMax,
          onEnd: metrics.countMove,
        }),
      ],
      jobsKeptDays: config.jobsKeptDays,
      logger,
      onEnd: (job) => {
        if (job.kind === 'ingest') metrics.countJobEnd(job.state as EndedJobState)
        tracing?.job({ ...job, startedAt: startOf(job), finishedAt: new Date() })
        webhooks.look()
      },
    })
    opened.push((crashed) => jobs.close(crashed))
    webhooks.look()
    // another process may have died over one
    opened.push(endOf(stores.jobs.onChange((jobId) => jobId === undefined && webhooks.look())))
    const moves = new GalleryMoves({ galleries, jobs, webhooks, exclusion })
    const sets = new EmbeddingSets({
      ...config,
      standardModelId: modelFolders.standard.manifest.id,
      isShared,
      galleries,
      jobs,
      webhooks,
      mirrors,
      followers,
      exclusion,
      logger,
    })
    opened.push(endOf(() => sets.close()))
    const ingest = new Ingest({ ...config, jobs, galleries, spool, webhooks, buckets })
    const analyses = new Analyses({ jobs, galleries, webhooks, imagesMax: config.analysisMaxImages })

    const snapshots = await Snapshots.open({
      dataDir: config.dataDir,
      max: config.dataSnapshotsMax,
      modelId: modelFolders.standard.manifest.id,
      serviceVersion,
      logger,
      expectWritable: () => embedded.expectWritable(),
      onEnd: metrics.countDataSnapshot,
      onNewest: metrics.setNewestDataSnapshot,
    })
    opened.push(() => snapshots.close())

    const recall = new RecallSample({
      searches: galleries.searches,
      every: config.recallSampleEvery,
      onSample: metrics.countRecallSample,
      onFailure: (err) => {
        metrics.countRecallSampleFailure()
        logger.debug({ err }, 'a search could not be repeated exactly')
      },
    })
    const shadow = new Shadow({
      followers,
      mirrors,
      images,
      every: config.shadowSearchEvery,
      onCompared: metrics.countShadow,
      onFailure: (err) => {
        metrics.countShadowFailure()
        logger.debug({ err }, 'a search could not be answered by the other embedding set')
      },
    })
    const drift = await openDrift(modelFolders, { config, metrics, logger })
    watch(metrics, {
      config,
      galleries,
      stores,
      embedded,
      models,
      embedder,
      placeMaps,
      decoders,
      jobs,
      drift,
      followers,
    })
    const parts = {
      ...intake,
      models,
      embedder,
      placeMaps,
      decoders,
      jobs,
      ingest,
      analyses,
      sets,
      moves,
      snapshots,
      watch: { drift, recall, shadow },
    }
    const door = { config, metrics, logger, apiKeys, tokens }
    const app =
      config.role === 'work'
        ? await buildWorkerApp({ ...door, parts })
        : await buildApp({ ...door, auditLog, tracing, parts })
    opened.push(() => closeApp(app, config.shutdownGraceMs))
    // a process that only runs jobs takes in what another one has seen
    const seen = config.role === 'work' ? [] : watched
    const folderWatches = seen.map((one) => watchFolder(one, { config, ingest, jobs, galleries, metrics, logger }))
    for (const folderWatch of folderWatches) opened.push(() => folderWatch.close())
    metrics.watch({ watchedFolders: () => folderWatches.map(({ reading }) => reading) })
    if (config.metricsPort === 0) return { app, parts, close: closeAll }
    const metricsApp = await buildMetricsApp(door)
    opened.push(() => metricsApp.close())
    return { app, metricsApp, parts, close: closeAll }
  } catch (error) {
    await closeAll()
    throw error
  }
}

/** @throws AlikeError `engine_version_refused`, `engine_setting_refused`, `config_invalid` */
async function openWeaviateOf(config: Config, logger: Logger): Promise<WeaviateEngine | undefined> {
  if (config.weaviateUrl === '') return undefined
  const { openWeaviate } = await import('./engines/weaviate/weaviate-engine.js') // a large package, for those who have a server
  return openWeaviate({
    server: {
      url: config.weaviateUrl,
      grpcAddress: config.weaviateGrpc || `${new URL(config.weaviateUrl).hostname}:50051`,
      apiKey: config.weaviateApiKey,
      consistency: config.weaviateConsistency,
      timeoutMs: config.weaviateTimeoutMs,
    },
    layout: {
      shards: config.weaviateShards,
      replicas: config.weaviateReplicas,
      quantisation: config.weaviateQuantisation,
    },
    storage: { pageMaxLength: config.answerMaxBytes / 4 },
    logger,
  })
}

/** @throws AlikeError `config_invalid` */
function engineOfNew({ defaultEngine }: Config, engines: Readonly<Record<string, Engine>>): string {
  if (defaultEngine === '' || defaultEngine in engines) return defaultEngine || 'embedded'
  const detail = `DEFAULT_ENGINE must be one of ${Object.keys(engines).join(', ')}, not "${defaultEngine}".`
  throw new AlikeError('config_invalid', { detail })
}

const startOf = ({ startedAt, createdAt }: Pick<JobRecord, 'startedAt' | 'createdAt'>): Date =>
  new Date(startedAt ?? createdAt)

/** For the list of what is closed at the end. */
const endOf = (end: () => void) => async (): Promise<void> => end()

function servable(folders: ModelFolders): ServableModels {
  const sizeOf = ({ manifest: { id, embeddingDimension: dimension } }: Model) => ({ id, dimension })
  return {
    standard: sizeOf(folders.standard),
    get: (idOrName) => sizeOf(folders.get(idOrName)),
    has: (id) => folders.has(id),
  }
}

/** Models beside the standard one whose drift is watched. */
const driftingModelsMax = 8

async function openDrift(
  folders: ModelFolders,
  { config, metrics, logger }: { config: Config; metrics: Metrics; logger: Logger },
): Promise<ModelDrift> {
  const { dataDir, driftQueries: queries } = config
  const { id, calibration } = folders.standard.manifest
  const standard = { dataDir, queries, logger, modelId: id, calibration, onBest: metrics.observeBest }
  return new ModelDrift({
    standard: await QueryDrift.open(standard),
    // the histograms of best hits are the standard model's alone: those of several would blur
    open: (modelId) =>
      QueryDrift.open({
        ...standard,
        modelId,
        file: `query-baseline-${modelId}.json`,
        calibration: folders.has(modelId) ? folders.get(modelId).manifest.calibration : undefined,
        onBest() {},
      }),
    othersMax: driftingModelsMax,
  })
}

function watchFolder(
  watched: WatchedFolder,
  {
    config,
    metrics,
    ...parts
  }: Pick<AppParts, 'ingest' | 'jobs' | 'galleries'> & {
    config: Config
    metrics: Metrics
    logger: Logger
  },
): FolderWatch {
  return new FolderWatch({
    ...parts,
    watched,
    dataDir: config.dataDir,
    everyMs: config.watchEverySeconds * 1_000,
    settleMs: config.watchSettleSeconds * 1_000,
    removes: config.watchRemovals === 'remove',
    filesMax: config.ingestMaxFiles,
    onLook: (outcome) => metrics.countFolderLook(watched.gallery, outcome),
  })
}

interface ModelOpening {
  config: Config
  logger: Logger
  metrics: Metrics
  /** What runs the standard model is what the metrics of the runtime tell. */
  isStandard: boolean
}

function openModel(model: Model, { config, logger, metrics, isStandard }: ModelOpening): Promise<Embedder> {
  return openProvenEmbedder({
    model,
    provider: config.provider,
    requireCuda: config.requireCuda,
    workers: config.embedWorkers,
    maxBatch: config.batchMaxSize,
    cuda: {
      devices: numbersOf(config.cudaDevices),
      visibleDevices: config.cudaVisibleDevices,
      batchSizes: numbersOf(config.cudaBatchSizes),
      memoryMaxBytes: config.cudaMemoryMaxBytes,
    },
    maxQueue: config.embedQueueMax,
    logger,
    metrics: isStandard ? metrics.embedding : { ...metrics.embedding, setRuntime() {}, setGoldenCosine() {} },
  })
}

/** As many pictures under way as keep decoders and model workers busy while others are read and committed. */
function ingestConcurrency({ runtime }: Embedder, decodeConcurrency: number, embedQueueMax: number): number {
  const atTheModel = 2 * runtime.workers * (runtime.batchSizes.at(-1) ?? 1)
  return Math.min(2 * decodeConcurrency + atTheModel, embedQueueMax)
}

function watch(
  metrics: Metrics,
  {
    config,
    models,
    embedder,
    placeMaps,
    galleries,
    stores,
    embedded,
    decoders,
    jobs,
    drift,
    followers,
  }: Pick<AppParts, 'models' | 'embedder' | 'placeMaps' | 'galleries' | 'decoders' | 'jobs'> & {
    config: Config
    embedded: EmbeddedEngine
    stores: Stores
    drift: ModelDrift
    followers: SetFollowers
  },
): void {
  metrics.watch({
    decodeQueueDepth: () => decoders.depth,
    decodeMemoryBytes: () => decoders.bytesInUse,
    decoderProcesses: () => decoders.processes,
    modelsOpen: () => models.openCount,
    setsFollowed: () => followers.count,
    setChangesPending: () => followers.pending,
    embedQueueDepth: () => embedder.queueDepth,
    explainQueueDepth: () => placeMaps.depth,
    explainSessions: () => (placeMaps.isOpen ? 1 : 0),
    embedWorkersLive: () => embedder.liveWorkers,
    gpus: () => embedder.gpus,
    writeQueueDepth: () => embedded.writeQueueDepth,
    storeQueueDepth: () => stores.waiting(),
    storageReadOnly: () => (galleries.readOnly === undefined ? 0 : 1),
    indexQueueDepth: () => embedded.indexQueueDepth,
    copyQueueDepth: () => embedded.copyQueueDepth,
    pageRankings: () => galleries.searches.kept.count,
    pageRankingBytes: () => galleries.searches.kept.bytes,
    engines: () => {
      const away = new Set(galleries.unreachable.map(({ engine }) => engine))
      return galleries.engineNames.map((engine) => ({ engine, unreachable: away.has(engine) }))
    },
    galleries: async () => largestGalleries(await unlessAway(galleries.readings.all()), config.metricsGalleriesMax),
    queryDrift: () => drift.readings(),
    expectedPSame: () => drift.expectedPSame,
    memory: () => memoryByPart(galleries.searches.kept.bytes, decoders.bytesInUse),
    jobs: () => unlessAway(jobs.counts(['ingest'])),
    analysisJobs: () => unlessAway(jobs.counts(analysisKinds)),
  })
}

/** Metrics are told also while the shared store does not answer. */
async function unlessAway<Reading>(readings: Promise<Reading[]>): Promise<Reading[]> {
  try {
    return await readings
  } catch (error) {
    if (error instanceof AlikeError && error.code === 'store_unreachable') return []
    throw error
  }
}

function memoryByPart(pageRankings: number, decoding: number): { part: string; bytes: number }[] {
  const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage()
  return [
    { part: 'javascript_used', bytes: heapUsed },
    { part: 'javascript_unused', bytes: heapTotal - heapUsed },
    { part: 'buffers', bytes: arrayBuffers },
    { part: 'other_external', bytes: Math.max(0, external - arrayBuffers) },
    { part: 'native', bytes: Math.max(0, rss - heapTotal - external) },
    { part: 'page_rankings', bytes: pageRankings },
    { part: 'decoding_admitted', bytes: decoding },
  ]
}

/** Requests get most of the grace; the rest is for the parts behind them. */
async function closeApp(app: FastifyInstance, graceMs: number): Promise<void> {
  const hurry = setTimeout(() => app.server.closeAllConnections(), graceMs * 0.6)
  await app.close()
  clearTimeout(hurry)
}

function createLogger({ logLevel }: Config): Logger {
  const forPeople = {
    transport: { target: 'pino-pretty', options: { translateTime: 'HH:MM:ss.l', ignore: 'pid,hostname' } },
  }
  return pino({ level: logLevel, base: null, ...(process.stdout.isTTY && forPeople) })
}

/** libuv and the allocator read these once, before any of our code runs, so they can only be set outside. */
function warnOfEnvironment(config: Config, logger: Logger): void {
  const threads = Number(process.env.UV_THREADPOOL_SIZE ?? 4)
  const { processes, count } = decodersWanted(config, availableParallelism())
  const wanted = processes > 0 ? 4 : 2 * count // several things are made of a stored picture side by side; decoder processes have threads of their own
  if (threads < wanted) logger.warn({ threads, wanted }, 'UV_THREADPOOL_SIZE is too small to decode on every core')
  // glibc raises its threshold by itself up to 32 MiB, and each of its arenas then keeps as much of what was freed
  if (process.platform === 'linux' && process.env.MALLOC_MMAP_THRESHOLD_ === undefined)
    logger.warn('MALLOC_MMAP_THRESHOLD_ is not set: memory that large pictures took may be kept')
}

async function main(): Promise<void> {
  const config = readConfig(process.env)
  const logger = createLogger(config)
  warnOfEnvironment(config, logger)
  const metrics = createMetrics()
  const service = await openService(config, logger, metrics).catch((error: unknown) => {
    // a restart would not help: the process stays, unready, and says why
    if (!(error instanceof AlikeError) || error.code !== 'golden_mismatch') throw error
    logger.fatal({ err: error }, 'staying unready')
    const app = buildUnreadyApp({ metrics, logger, reason: error })
    return { app, close: () => app.close() }
  })

  // Also for uncaught errors: they are logged, accepted work is finished, and the exit code is 1.
  const grace = closeWithGrace({ delay: config.shutdownGraceMs, logger }, async ({ signal, err }) => {
    if (err !== undefined) logger.fatal({ err }, 'uncaught error, stopping')
    else logger.info({ signal }, 'stopping')
    await service.close(err !== undefined)
    logger.info('stopped')
  })
  await listen(service, config).catch((error: unknown) => {
    grace.uninstall() // it would end the process with 0
    throw error
  })
}

/** @throws AlikeError `config_invalid` where the address can not be had; everything is closed then */
async function listen(
  { app, metricsApp, close }: Pick<Service, 'app' | 'metricsApp' | 'close'>,
  { host, port, metricsPort }: Config,
): Promise<void> {
  try {
    await metricsApp?.listen({ host, port: metricsPort })
    await app.listen({ host, port })
  } catch (cause) {
    await close()
    const inUse = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE'
    const detail = inUse
      ? `Port ${port} of ${host} is in use; PORT chooses another one.`
      : `The service can not listen on ${host}, port ${port}: ${(cause as Error).message}`
    throw new AlikeError('config_invalid', { detail, cause })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await main()
  } catch (error) {
    // Before there is a logger, and for people at a terminal: the sentence is what counts.
    console.error(error instanceof AlikeError ? `${error.code}: ${error.message}` : error)
    process.exitCode = 1
  }
}

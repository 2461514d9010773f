/** The whole service except its port: opens every part in order, and closes them in reverse. */
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { allEnded } from '../all-ended.js'
import { type AppParts, buildApp } from '../app.js'
import { Snapshots } from '../backups/snapshots.js'
import type { Config } from '../config/config.js'
import { watchedFolders } from '../ingest/folders/watched-folders.js'
import { createMetrics, type Metrics } from '../metrics/metrics.js'
import { openRemoteImages, type RemoteImages } from '../remote/remote-images.js'
import { buildMetricsApp, buildWorkerApp } from '../side-apps.js'
import { useTextForm } from '../text.js'
import { openTracing } from '../tracing/open-tracing.js'
import { serviceVersion } from '../version.js'
import { openCallers } from './callers.js'
import { openFolderWatches } from './folder-watches.js'
import { type JobKinds, type JobParts, openJobKinds } from './job-kinds.js'
import { openModels } from './models.js'
import { OpenedParts, type Opening } from './opened-parts.js'
import { openKeptOriginals, openPictures, openReferences } from './pictures.js'
import { openQueryWatch } from './query-watch.js'
import { openStorage } from './storage.js'
import { expectRole } from './stores.js'
import { watchParts } from './watched-parts.js'

export interface Service {
  app: FastifyInstance
  /** For `METRICS_PORT`. */
  metricsApp?: FastifyInstance | undefined
  parts: AppParts & JobParts & JobKinds
  /**
   * Finishes accepted work, then closes every part; whatever exceeds the grace period is cut off.
   * @param crashed the process ends because of an error
   */
  close(crashed?: boolean): Promise<void>
}

export interface ServiceOptions {
  config: Config
  logger: Logger
  metrics?: Metrics | undefined
  /** For decoder processes. */
  environment: NodeJS.ProcessEnv
  /** Source of pictures by URL. */
  remote?: RemoteImages | undefined
}

/** @throws AlikeError of a part that cannot be opened; the others are then closed */
export async function openService({
  config,
  logger,
  metrics = createMetrics(),
  environment,
  remote = openRemoteImages({ ...config, onFetch: metrics.countFetch }),
}: ServiceOptions): Promise<Service> {
  const opened = new OpenedParts()
  opened.add(remote)
  const opening = { config, logger, metrics, opened }
  try {
    expectRole(config)
    useTextForm(config.textForm)
    const callers = await openCallers(opening)
    const parts = await openParts(opening, { environment, remote })
    const door = { config, metrics, logger, ...callers }
    const app = await (config.role === 'work' ? buildWorkerApp : buildApp)({ ...door, tracing: parts.tracing, parts })
    const metricsApp = config.metricsPort === 0 ? undefined : await buildMetricsApp(door)
    opened.atEnd(() => closeApps([app, metricsApp], config.shutdownGraceMs))
    // a process that only runs jobs leaves watched folders to the others
    if (config.role !== 'work') openFolderWatches(opening, parts)
    // last, once everything is stored: the exit of the process waits for decodes too, however long they take
    const close = (crashed?: boolean) => opened.close(crashed).finally(() => parts.decoders.idle())
    return { app, metricsApp, parts, close }
  } catch (error) {
    await opened.close().catch((err: unknown) => logger.error({ err }, 'a part could not be closed'))
    throw error
  }
}

/** Everything that requests and jobs need. */
async function openParts(
  opening: Opening,
  { environment, remote }: Pick<ServiceOptions, 'environment'> & { remote: RemoteImages },
): Promise<Service['parts']> {
  const { config, opened } = opening
  const tracing = await openTracing(config, serviceVersion)
  if (tracing !== undefined) opened.add(tracing)
  const watched = watchedFolders(config.watchFolders, config.dataDir)
  const models = await openModels(opening)
  const storage = await openStorage(opening, models.folders)
  const pictures = await openPictures(opening, models, environment)
  const places = openReferences(opening, { remote, watched })
  const originals = await openKeptOriginals(opening, storage)
  const forJobs = { tracing, watched, models, ...storage, ...pictures, remote, ...places, originals }
  const jobs = await openJobKinds(opening, forJobs)
  const snapshots = await openSnapshots(opening, forJobs)
  const watch = await openQueryWatch(opening, { ...forJobs, ...jobs })
  const parts = { ...forJobs, ...jobs, snapshots, watch }
  watchParts(opening, parts)
  return parts
}

async function openSnapshots(
  { config, logger, metrics, opened }: Opening,
  { embedded, models }: JobParts,
): Promise<Snapshots> {
  return opened.add(
    await Snapshots.open({
      dataDir: config.dataDir,
      max: config.dataSnapshotsMax,
      modelId: models.folders.standard.manifest.id,
      serviceVersion,
      logger,
      expectWritable: () => embedded.expectWritable(),
      onEnd: metrics.countDataSnapshot,
      onNewest: metrics.setNewestDataSnapshot,
    }),
  )
}

/** Side by side: a connection that is merely open must not use up the time of the other app. */
async function closeApps(apps: readonly (FastifyInstance | undefined)[], graceMs: number): Promise<void> {
  await allEnded(apps.map((app) => app && closeApp(app, graceMs)))
}

/** Requests get most of the grace period; the rest is for the parts behind them. */
async function closeApp(app: FastifyInstance, graceMs: number): Promise<void> {
  const hurry = setTimeout(() => app.server.closeAllConnections(), graceMs * 0.6)
  await app.close()
  clearTimeout(hurry)
}

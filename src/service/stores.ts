/**
 * Opens the stores of catalogue, jobs, judgements, decisions and layouts: beside the pictures, or in PostgreSQL for
 * several processes.
 */
import type { Config } from '../config/config.js'
import type { ModelFolders } from '../embedding/model-folders.js'
import type { EmbeddedEngine } from '../engines/embedded/embedded-engine.js'
import { AlikeError } from '../errors.js'
import type { GalleriesOptions } from '../gallery/galleries.js'
import type { JobStore } from '../jobs/job-store.js'
import { installationIdIn } from '../originals/installation-id.js'
import type { PostgresLogger } from '../postgres/open-postgres.js'
import type { PostgresJobs } from '../postgres/postgres-jobs.js'

export interface Stores
  extends Pick<GalleriesOptions, 'catalogue' | 'feedback' | 'decisions' | 'layouts' | 'progress' | 'writes'> {
  jobs: JobStore
  /** Jobs that are left to other processes; undefined if there can be none. */
  leftJobs?: Pick<PostgresJobs, 'withoutEngine' | 'withoutModel'> | undefined
  /** Statements waiting for a connection to PostgreSQL. */
  waiting(): number
  /** Id of the installation, the same in all of its processes. */
  installation(): Promise<string>
  close(): Promise<void>
}

type RoleSettings = Pick<Config, 'role' | 'postgresUrl' | 'originalsS3Bucket'>

/** @throws AlikeError `config_invalid` for a process that could not fulfil its role */
export function expectRole({ role, postgresUrl, originalsS3Bucket }: RoleSettings): void {
  if (role === 'all') return
  if (postgresUrl === '')
    throw new AlikeError('config_invalid', {
      detail: `ROLE=${role} needs POSTGRES_URL: jobs that are kept in a data folder are run by the process that has it.`,
    })
  if (originalsS3Bucket === '')
    throw new AlikeError('config_invalid', {
      detail: `ROLE=${role} needs ORIGINALS_S3_BUCKET: uploads are spooled there, for whichever process runs the job.`,
    })
}

export interface StoresSurroundings {
  /** Name of the engine beside whose pictures they are stored by default. */
  name: string
  models: Pick<ModelFolders, 'has'>
  logger: PostgresLogger
}

export async function openStores(
  config: Config,
  embedded: EmbeddedEngine,
  { name, models, logger }: StoresSurroundings,
): Promise<Stores> {
  if (config.postgresUrl === '') {
    const { catalogue, feedback, decisions, layouts, jobs } = embedded
    const alone = { waiting: () => 0, installation: () => installationIdIn(config.dataDir), close: async () => {} }
    return { catalogue, feedback, decisions, layouts, jobs, progress: progressOf(jobs, [name]), ...alone }
  }
  const { openSharedStores } = await import('../postgres/open-postgres.js') // loaded only if configured
  const shared = await openSharedStores({
    url: config.postgresUrl,
    connectionsMax: config.postgresConnectionsMax,
    leaseSeconds: config.jobLeaseSeconds,
    sharesUploads: config.originalsS3Bucket !== '',
    isElsewhere: (set) => set.engine === name && set.isMade && embedded.has?.(set) === false,
    hasEngine: saidOnce(
      (engine) => engine === name || config.weaviateUrl !== '',
      (engine) =>
        logger.warn({ engine }, 'jobs need an engine that is not configured here: they wait for a process that has it'),
    ),
    hasModel: saidOnce(
      (modelId) => models.has(modelId),
      (modelId) =>
        logger.warn(
          { code: 'model_mismatch', modelId },
          'jobs need a model that is not installed here: they wait for a process that has it',
        ),
    ),
    feedbackMax: config.feedbackMax,
    decisionsMax: config.decisionsMax,
    logger,
  })
  return { ...shared, leftJobs: shared.jobs, progress: progressOf(shared.jobs, []) }
}

/** A job that waits for another process would otherwise wait without a word. */
function saidOnce(has: (name: string) => boolean, say: (missing: string) => void): (name: string) => boolean {
  const said = new Set<string>()
  return (name) => {
    if (has(name)) return true
    if (!said.has(name)) say(name)
    said.add(name)
    return false
  }
}

function progressOf(jobs: JobStore, committedBy: readonly string[]): Stores['progress'] {
  return { committedBy, advance: (progress, stored) => jobs.advance(progress, stored) }
}

/** Jobs of every kind: their runners, notifications and entry points. */
import { Analyses } from '../analysis/analyses.js'
import { AnalysisRunner } from '../analysis/analysis-runner.js'
import type { Config } from '../config/config.js'
import type { Embedder } from '../embedding/embedder.js'
import type { ServedModels } from '../embedding/served-models.js'
import { CopyBackfill } from '../ingest/copy-backfill.js'
import type { WatchedFolder } from '../ingest/folders/watched-folders.js'
import { Ingest } from '../ingest/ingest.js'
import { IngestRunner } from '../ingest/ingest-runner.js'
import { Spool } from '../ingest/spool.js'
import type { EndedJobState, JobRecord } from '../jobs/job.js'
import type { JobRunner } from '../jobs/job-runner.js'
import { type Jobs, openJobs } from '../jobs/jobs.js'
import { Webhooks } from '../jobs/webhooks.js'
import type { Metrics } from '../metrics/metrics.js'
import { openSharedUploads } from '../originals/open-originals.js'
import type { OriginalStore } from '../originals/original-store.js'
import { EmbeddingSets } from '../re-embedding/embedding-sets.js'
import { GalleryMoves } from '../re-embedding/gallery-moves.js'
import { MoveRunner } from '../re-embedding/move-runner.js'
import { ReEmbeddingRunner } from '../re-embedding/re-embedding-runner.js'
import { SetExclusion } from '../re-embedding/set-exclusion.js'
import { SetFollowers } from '../re-embedding/set-followers.js'
import { SetMirrors } from '../re-embedding/set-mirrors.js'
import type { RemoteImages } from '../remote/remote-images.js'
import { WebhookRequests } from '../remote/webhook-requests.js'
import type { Tracing } from '../tracing/tracing.js'
import type { Opening } from './opened-parts.js'
import type { Pictures, ReferencedPlaces } from './pictures.js'
import type { Storage } from './storage.js'
import type { Stores } from './stores.js'

/** What jobs are made of. */
export interface JobParts extends Storage, Pictures, ReferencedPlaces {
  tracing: Tracing | undefined
  watched: readonly WatchedFolder[]
  models: ServedModels
  remote: RemoteImages
  originals: OriginalStore
}

export interface JobKinds {
  jobs: Jobs
  ingest: Ingest
  analyses: Analyses
  sets: EmbeddingSets
  moves: GalleryMoves
  mirrors: SetMirrors
  followers: SetFollowers
}

export async function openJobKinds(opening: Opening, parts: JobParts): Promise<JobKinds> {
  const { config, logger, metrics, opened } = opening
  const { galleries, stores, models, buckets, watched, tracing } = parts
  const webhooks = openWebhooks(opening, stores)
  const { runners, spool, exclusion, mirrors, followers } = await openRunners(opening, parts)
  const jobs = await openJobs({
    store: stores.jobs,
    runsJobs: config.role !== 'serve',
    galleries,
    runners,
    // a watch reads from its jobs what was taken
    jobsKeptDays: Math.max(config.jobsKeptDays, watched.length > 0 ? 1 : 0),
    logger,
    onEnd: (job) => {
      countEnd(job, metrics, tracing)
      webhooks.wake()
    },
  })
  opened.atEnd((crashed) => jobs.close(crashed))
  webhooks.wake()
  // another process may have died during a job
  opened.atEnd(stores.jobs.onChange((jobId) => jobId === undefined && webhooks.wake()))
  const standardModelId = models.folders.standard.manifest.id
  const shared = { galleries, jobs, webhooks }
  const sets = new EmbeddingSets({ ...config, ...shared, standardModelId, mirrors, followers, exclusion, logger })
  return {
    jobs,
    ingest: new Ingest({ ...config, ...shared, spool, buckets, logger }),
    analyses: new Analyses({ ...shared, imagesMax: config.analysisMaxImages }),
    sets: opened.add(sets),
    moves: new GalleryMoves({ ...shared, exclusion }),
    mirrors,
    followers,
  }
}

/** One for each kind of job, with what they share with the parts that accept jobs. */
async function openRunners({ config, logger, metrics, opened }: Opening, parts: JobParts) {
  const { galleries, images, queries, decoders, models, buckets, watched, tracing } = parts
  const copyBackfill = opened.add(
    new CopyBackfill({ galleries, decoders, logger, onDescribed: metrics.countDescribed }),
  )
  const spool = await openSpool(config, parts)
  const concurrency = ingestConcurrency(models.standard, decoders.count, config)
  const exclusion = new SetExclusion(galleries.writes)
  const mirrors = new SetMirrors({ ...parts, concurrency })
  const followers = opened.add(await SetFollowers.open({ galleries, mirrors, logger }))
  const ofSets = { ...config, galleries, mirrors, followers, jobsMax: config.reEmbeddingJobsMax }
  const runners: JobRunner[] = [
    new IngestRunner({
      ...config,
      traceOf: tracing && ((job) => tracing.jobParts({ ...job, startedAt: startOf(job) })),
      parts,
      spool,
      places: { buckets, folders: watched },
      jobsAtOnce: config.ingestJobsAtOnce,
      jobsMax: config.ingestJobsMax,
      concurrency,
      metrics,
      logger,
    }),
    new AnalysisRunner({ galleries, copiesDescribed: copyBackfill.ended, jobsMax: config.analysisJobsMax }),
    new ReEmbeddingRunner({ ...ofSets, images, queries }),
    new MoveRunner({ ...ofSets, exclusion, logger, onEnd: metrics.countMove }),
  ]
  return { runners, spool, exclusion, mirrors, followers }
}

async function openSpool(config: Config, { owners, folderOwners }: JobParts): Promise<Spool> {
  const shared = config.postgresUrl === '' ? undefined : await openSharedUploads(config, owners)
  return new Spool(config.dataDir, shared, () => folderOwners.areAlone())
}

function openWebhooks({ config, logger, metrics, opened }: Opening, { jobs }: Stores): Webhooks {
  const sender = opened.add(new WebhookRequests(config))
  const webhooks = new Webhooks({
    jobs,
    sender,
    secret: config.webhookAllowedHosts === '' ? '' : config.webhookSecret,
    attemptsMax: config.webhookAttemptsMax,
    logger,
    onAttempt: metrics.countWebhook,
  })
  return opened.add(webhooks)
}

function countEnd(job: JobRecord, metrics: Metrics, tracing: Tracing | undefined): void {
  metrics.countJobEnd(job.kind, job.state as EndedJobState)
  tracing?.job({ ...job, startedAt: startOf(job), finishedAt: new Date() })
}

const startOf = ({ startedAt, createdAt }: Pick<JobRecord, 'startedAt' | 'createdAt'>): Date =>
  new Date(startedAt ?? createdAt)

/**
 * As many pictures in progress as keep decoders and model workers busy while others are read and committed, and as find
 * room in the model's queue with all of their views: one that does not is decoded again.
 */
function ingestConcurrency(
  { runtime }: Embedder,
  decodeConcurrency: number,
  { embedQueueMax, galleryViews }: Pick<Config, 'embedQueueMax' | 'galleryViews'>,
): number {
  const viewsAtTheModel = 2 * runtime.workers * (runtime.batchSizes.at(-1) ?? 1)
  const wanted = 2 * decodeConcurrency + Math.ceil(viewsAtTheModel / galleryViews)
  return Math.max(1, Math.min(wanted, Math.floor(embedQueueMax / galleryViews)))
}

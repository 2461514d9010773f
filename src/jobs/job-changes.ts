/** The effect of each change on a job's record; pure, so that every job store follows the same rules. */
import { AlikeError, catalogue } from '../errors.js'
import type { JobError, JobProgress, StoredCounts } from '../gallery/job-progress.js'
import { cutText } from '../text.js'
import { endedJobStates, type JobKind, type JobRecord, type JobState, type JobTrials } from './job.js'
import type { JobCount, JobResult, JobSteering, JobTransition, NewJob } from './job-store.js'

/** Maximum length of what is stored about an error; the full cause is in the log. */
const detailMaxLength = 1_000
/** Maximum length of an item's name in the source: as long as an id may be. */
const nameMaxLength = 512

/** How many of the unfinished jobs are of these kinds. */
export function countOfKinds(counts: readonly JobCount[], kinds: readonly JobKind[]): number {
  return counts.reduce((sum, { kind, count }) => sum + (kinds.includes(kind) ? count : 0), 0)
}

/** Too many jobs of a kind are waiting or running. */
export function queueFull(): AlikeError {
  return new AlikeError('job_queue_full', { retryAfterSeconds: 30 })
}

export function newRecord(job: NewJob, galleryUid: string, at: string): JobRecord {
  return {
    id: job.id,
    kind: job.kind ?? 'ingest',
    gallery: job.gallery,
    galleryUid,
    state: 'queued',
    source: job.source,
    total: job.total ?? null,
    done: 0,
    added: 0,
    updated: 0,
    removed: 0,
    skipped: 0,
    failed: 0,
    replaced: 0,
    namesAssumed: 0,
    position: 0,
    trials: null,
    failure: null,
    idempotencyKey: job.idempotencyKey ?? null,
    createdAt: at,
    startedAt: null,
    finishedAt: null,
    priority: job.priority ?? 0,
    paused: false,
  }
}

/** @throws AlikeError `job_finished` if the job is in none of the `from` states */
export function transitioned(job: JobRecord, change: JobTransition, at: string): JobRecord {
  const { from, to, total, failure, trials } = change
  if (!from.includes(job.state)) throw finished(job)
  const ended = (endedJobStates as readonly JobState[]).includes(to)
  const isBegun = job.state === 'queued' && to === 'running'
  return {
    ...job,
    state: to,
    total: total ?? job.total,
    failure:
      failure !== undefined
        ? { ...failure, detail: cutText(failure.detail, detailMaxLength) }
        : ended || isBegun
          ? null
          : job.failure,
    trials: trials ?? job.trials,
    startedAt: to === 'running' ? (job.startedAt ?? at) : job.startedAt,
    finishedAt: ended ? at : null,
  }
}

/**
 * The final state, determined by the outcomes of its items.
 * @throws AlikeError `job_finished`
 */
export function completed(job: JobRecord, total: number, at: string): JobRecord {
  const taken = job.added + job.updated + job.removed + job.skipped
  const to = job.failed === 0 ? 'succeeded' : taken > 0 ? 'completed_with_errors' : 'failed'
  const failure = to === 'failed' ? { code: 'job_items_failed', detail: catalogue.job_items_failed } : undefined
  return transitioned(job, { from: ['running'], to, total, failure }, at)
}

/**
 * Counts a step once, however often it is repeated.
 * @throws AlikeError as `expectRunning`
 */
export function advanced(
  job: JobRecord,
  { from = job.position, position, skipped = 0, errors = [], replaced = [], namesAssumed = 0 }: JobProgress,
  stored: StoredCounts,
  galleryUid: string | undefined,
): JobRecord {
  expectRunning(job, galleryUid)
  if (from < job.position) return job
  return withDone({
    ...job,
    added: job.added + stored.added,
    updated: job.updated + stored.updated,
    removed: job.removed + stored.removed,
    skipped: job.skipped + skipped + stored.idle,
    failed: job.failed + errors.length,
    replaced: job.replaced + replaced.length,
    namesAssumed: job.namesAssumed + namesAssumed,
    position: Math.max(job.position, position),
    trials: job.trials && afterProgress(job.trials),
  })
}

/** Lines of the job's report, as stored. */
export function linesOf({ errors = [], replaced = [], notes = [] }: JobProgress): JobError[] {
  return [...errors, ...replaced, ...notes].map((line) => ({
    ...line,
    name: cutText(line.name, nameMaxLength),
    detail: cutText(line.detail, detailMaxLength),
  }))
}

/** @throws AlikeError as `expectRunning` */
export function succeeded(job: JobRecord, { total }: JobResult, galleryUid: string | undefined, at: string): JobRecord {
  expectRunning(job, galleryUid)
  return withDone({ ...job, state: 'succeeded', total, position: total, failure: null, finishedAt: at })
}

/** @throws AlikeError `job_finished` if it has ended */
export function steered(job: JobRecord, { priority, paused }: JobSteering): JobRecord {
  if (job.finishedAt !== null) throw finished(job)
  return { ...job, priority: priority ?? job.priority, paused: paused ?? job.paused }
}

/** @throws AlikeError `job_finished` unless the job is running */
export function noted(job: JobRecord, trials: JobTrials): JobRecord {
  if (job.state !== 'running') throw finished(job)
  return { ...job, trials }
}

/**
 * @param galleryUid of the gallery that now has the name the job was created for
 * @throws AlikeError `job_finished` unless the job is running; `gallery_not_found` if that is a different gallery with
 * the same name, or there is none
 */
function expectRunning(job: JobRecord, galleryUid: string | undefined): void {
  if (job.state !== 'running') throw finished(job)
  if (job.galleryUid !== galleryUid) throw new AlikeError('gallery_not_found')
}

/** For an ingestion the outcomes of its items count, for other kinds its position. */
function withDone(job: JobRecord): JobRecord {
  const { kind, added, updated, removed, skipped, failed, position } = job
  return { ...job, done: kind === 'ingest' ? added + updated + removed + skipped + failed : position }
}

/** Once a run has made progress, the runs before it no longer count against the job. */
function afterProgress({ runs, givenUp }: JobTrials): JobTrials {
  return { runs: Math.min(runs, 1), alone: null, givenUp }
}

function finished({ state }: JobRecord): AlikeError {
  return new AlikeError('job_finished', { detail: `It is ${state}.` })
}

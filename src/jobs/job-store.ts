/**
 * Where jobs are stored, as the rest of Alike sees it: every operation is asynchronous, and what was written is durable
 * once it resolves.
 */
import type { JobError, JobProgress, StoredCounts } from '../gallery/job-progress.js'
import type { JsonValue } from '../gallery/metadata.js'
import type { ActiveJobState, JobKind, JobRecord, JobState, JobTrials, RunReading } from './job.js'

export interface NewJob {
  id: string
  /** Default `ingest`. */
  kind?: JobKind | undefined
  gallery: string
  source: JsonValue
  total?: number | undefined
  /** If a job with this key and gallery exists, it is returned instead of a new one. */
  idempotencyKey?: string | undefined
  /** Default 0. */
  priority?: number | undefined
  /** URL to notify of its end. */
  webhook?: string | undefined
}

/** Refuses a job if as many of these kinds as may are waiting or running. */
export interface JobRoom {
  kinds: readonly JobKind[]
  max: number
}

/** Undefined: unchanged. */
export interface JobSteering {
  priority?: number | undefined
  paused?: boolean | undefined
}

/** A webhook that has yet to be notified of a job's end. */
export interface PendingWebhook {
  jobId: string
  url: string
  /** Failed attempts. */
  attempts: number
  /** ISO 8601; null: now. */
  nextAt: string | null
}

export interface WebhookTimes {
  /** ISO 8601. */
  now: string
  /** The latest time a webhook is put off to, by its failed attempts; further ones as the last. ISO 8601. */
  latest: readonly string[]
}

export interface DueWebhooks {
  due: PendingWebhook[]
  /** Until another one is due; `Infinity` if none is pending. */
  waitMs: number
}

/** After an attempt: time of the next one; null: there is none. */
export type WebhookNote = { attempts: number; at: string } | null

/** A change of state; refused (`job_finished`) unless the job is in one of `from`. */
export interface JobTransition {
  from: readonly JobState[]
  to: JobState
  total?: number | undefined
  /** Undefined: unchanged, or none if the job ends, or begins again after it was put back. */
  failure?: { code: string; detail: string } | undefined
  /** Recorded with it; see `note`. */
  trials?: JobTrials | undefined
}

/** Undefined: any. */
export interface JobListOptions {
  gallery?: string | undefined
  kinds?: readonly JobKind[] | undefined
  states?: readonly JobState[] | undefined
  /** Default 100. */
  limit?: number | undefined
}

/** How many unfinished jobs of a kind are in a state. */
export interface JobCount {
  kind: JobKind
  state: ActiveJobState
  paused: boolean
  count: number
}

/** The end of a job that has a result. */
export interface JobResult {
  /** Items processed. */
  total: number
  /** JSON text. */
  result: string
}

export interface JobStore {
  /**
   * How often a claimed job must be renewed, and the maximum duration of a claim. Undefined: no other process can claim
   * its jobs, so a claim lasts until the process ends.
   */
  readonly lease?: { renewEveryMs: number; maxMs: number } | undefined
  /**
   * Created as `queued`.
   * @param room default: any number of jobs
   * @throws `gallery_not_found`, `job_queue_full`
   */
  create(job: NewJob, room?: JobRoom): Promise<{ job: JobRecord; created: boolean }>
  /**
   * Claims the next job of these kinds, by priority, then in order of arrival: one that is waiting and not paused, or
   * one whose process died, which no other of its gallery overtakes. Nobody else gets it until it has ended or was
   * released.
   * @param busy uids of galleries of which this process runs a job: theirs are left out, as those of galleries in which
   * other processes run one
   */
  claim(kinds: readonly JobKind[], busy?: readonly string[]): Promise<JobRecord | undefined>
  /** Gives back a claimed job whose run was not begun: it is as if it had not been claimed. */
  release(id: string): Promise<void>
  /**
   * Renews this process's claim, and tells other processes how far its run has come.
   * @returns the job's current record: it may have been cancelled or paused elsewhere; undefined if this process no
   * longer holds it
   */
  renew(id: string, reading: RunReading | undefined): Promise<JobRecord | undefined>
  /**
   * @param listener called with jobs that other processes have changed or created, or whose worker died; and
   * occasionally without a job, in case a notification was lost
   * @returns a function that ends it
   */
  onChange(listener: (jobId: string | undefined) => void): () => void
  /**
   * @throws `job_not_found`, `job_finished` if the job is in none of the `from` states; `job_taken_over` if another
   * process has claimed it, as with every change that a run makes to its job
   */
  transition(id: string, transition: JobTransition): Promise<JobRecord>
  /** @throws `job_not_found`, `job_finished` if the job is no longer running */
  note(id: string, trials: JobTrials): Promise<void>
  /**
   * Stores a job's progress: steps that store no picture, or pictures that are stored elsewhere.
   * @param stored the outcome of its steps; undefined: nothing
   * @throws `job_finished` if the job is no longer running, `gallery_not_found`
   */
  advance(progress: JobProgress, stored?: StoredCounts): Promise<void>
  /**
   * Ends a job whose items have all been processed: its state follows from how many of them failed.
   * @throws `job_not_found`, `job_finished` if it is no longer running
   */
  complete(id: string, total: number): Promise<JobRecord>
  /**
   * Ends it as `succeeded`, together with its result.
   * @throws `job_finished` if it is no longer running, `gallery_not_found`
   */
  finish(id: string, result: JobResult): Promise<JobRecord>
  /** @throws `job_not_found`, `job_finished` if it has ended */
  steer(id: string, steering: JobSteering): Promise<JobRecord>
  /**
   * Webhooks of jobs that have ended; one put off for longer than any is was noted by a clock that was ahead, and is due.
   * @param room how many more this process can send now: no more are reserved for it
   */
  webhooks(room: number, times: WebhookTimes): Promise<DueWebhooks>
  /** Does nothing if the job or its webhook no longer exists. */
  noteWebhook(id: string, next: WebhookNote): Promise<void>
  get(id: string): Promise<JobRecord | undefined>
  /** JSON text; undefined before the job has succeeded, and for kinds without a result. */
  result(id: string): Promise<string | undefined>
  /** Newest first. */
  list(options?: JobListOptions): Promise<JobRecord[]>
  /** Of unfinished jobs, without reading them; combinations of which there is none are missing. */
  counts(): Promise<JobCount[]>
  /** In the order of the source, in pages: pass the last item's index + 1 to continue. */
  errors(id: string, options?: { fromItem?: number; limit?: number }): Promise<JobError[]>
  /** Deletes jobs that ended before this time, with their error lines, unless somebody has yet to be notified; returns how many. */
  forget(finishedBefore: string): Promise<number>
}

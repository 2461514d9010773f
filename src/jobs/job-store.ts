/** What jobs are kept in, as the rest of Alike knows it: every verb is a promise, and what was written is durable once it resolves. */
import type { JobError, JobProgress, StoredCounts } from '../gallery/job-progress.js'
import type { JsonValue } from '../gallery/records.js'
import type { JobKind, JobRecord, JobState, JobTrials, RunReading } from './job.js'

export interface NewJob {
  id: string
  /** Default `ingest`. */
  kind?: JobKind
  gallery: string
  source: JsonValue
  total?: number
  /** A job with this key and gallery that exists already is returned instead of a new one. */
  idempotencyKey?: string
  /** Default 0. */
  priority?: number | undefined
  /** Address that is told of its end. */
  webhook?: string | undefined
}

/** Left out: as it was. */
export interface JobSteering {
  priority?: number | undefined
  paused?: boolean | undefined
}

/** Somebody who is still to be told that a job has ended. */
export interface PendingWebhook {
  jobId: string
  url: string
  /** That failed. */
  attempts: number
  /** ISO 8601; null: now. */
  nextAt: string | null
}

/** After an attempt: when the next one is; null: there is none. */
export type WebhookNote = { attempts: number; at: string } | null

/** A change of state; refused (`job_finished`) unless the job is in one of `from`. */
export interface JobTransition {
  from: JobState[]
  to: JobState
  total?: number | undefined
  /** Left out: what it was before, and none where the job ends. */
  failure?: { code: string; detail: string } | undefined
  /** Noted with it; see `note`. */
  trials?: JobTrials | undefined
}

/** Left out: any. */
export interface JobListOptions {
  gallery?: string
  kinds?: readonly JobKind[]
  states?: readonly JobState[]
  /** Default 100. */
  limit?: number
  /** Default `newest` first. */
  order?: 'newest' | 'oldest' | undefined
}

/** The end of a job that has something to tell. */
export interface JobResult {
  /** Items it has looked at. */
  total: number
  /** JSON text. */
  result: string
}

export interface JobStore {
  /**
   * How often a claimed job is to be renewed, and how long one claim lasts at most. Left out: no other process can claim
   * its jobs, so that a claim lasts until the process ends.
   */
  readonly lease?: { renewEveryMs: number; maxMs: number } | undefined
  /** As `queued`. @throws `gallery_not_found`. */
  create(job: NewJob): Promise<{ job: JobRecord; created: boolean }>
  /**
   * The next job of these kinds to be begun, by priority, then in the order of their coming: one that waits and is not
   * paused, or one over which a process died. Nobody else is given it before it has ended or was let go.
   */
  claim(kinds: readonly JobKind[]): Promise<JobRecord | undefined>
  /**
   * Keeps a claimed job this process's, and tells other processes how far its run is.
   * @returns the job as it is now: it may have been cancelled or paused elsewhere; undefined when it is this process's no more
   */
  renew(id: string, reading: RunReading | undefined): Promise<JobRecord | undefined>
  /** @param listener told of jobs that other processes have changed, or made, or whose worker died; and now and then of nothing, where that may have been missed @returns ends it */
  onChange(listener: (jobId: string | undefined) => void): () => void
  /** @throws `job_not_found`, `job_finished` when the job is in none of the `from` states; like every change that a run makes of its job `job_taken_over` when another process has it */
  transition(id: string, transition: JobTransition): Promise<JobRecord>
  /** @throws `job_not_found`, `job_finished` when the job is not running any more */
  note(id: string, trials: JobTrials): Promise<void>
  /**
   * How far a job came: with steps that store no picture, or behind pictures that are kept elsewhere.
   * @param stored what its steps did. Left out: nothing
   * @throws `job_finished` when the job is not running any more, `gallery_not_found`.
   */
  advance(progress: JobProgress, stored?: StoredCounts): Promise<void>
  /**
   * The end of a job whose items have all been looked at: its state follows from how many of them failed.
   * @throws `job_not_found`, `job_finished` when it is not running any more
   */
  complete(id: string, total: number): Promise<JobRecord>
  /** `succeeded`, together with its result. @throws `job_finished` when it is not running any more, `gallery_not_found`. */
  finish(id: string, result: JobResult): Promise<JobRecord>
  /** @throws `job_not_found`, `job_finished` when it has ended */
  steer(id: string, steering: JobSteering): Promise<JobRecord>
  /** Of jobs that have ended. */
  webhooks(): Promise<PendingWebhook[]>
  /** Nothing where there is no such job or webhook any more. */
  noteWebhook(id: string, next: WebhookNote): Promise<void>
  get(id: string): Promise<JobRecord | undefined>
  /** JSON text; undefined before the job has succeeded, and for kinds without one. */
  result(id: string): Promise<string | undefined>
  list(options?: JobListOptions): Promise<JobRecord[]>
  /** Jobs that there are, told without reading them. */
  count(options: Required<Pick<JobListOptions, 'kinds' | 'states'>>): Promise<number>
  /** In the order of the source, in pages: pass the last item's index + 1 to go on. */
  errors(id: string, options?: { fromItem?: number; limit?: number }): Promise<JobError[]>
  /** Ended jobs and their error lines that finished before this time are dropped; returns how many jobs. */
  forget(finishedBefore: string): Promise<number>
}

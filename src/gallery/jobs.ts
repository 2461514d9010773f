/** Jobs as the database keeps them: what must survive a crash to go on where it stopped. */
import type { JsonValue } from './records.js'

/** Not ended: it is waiting, or at work. */
export const activeJobStates = ['queued', 'running'] as const
/** `succeeded`: nothing failed; `completed_with_errors`: some items failed; `failed`: all of them, or the job as a whole. */
export const endedJobStates = ['succeeded', 'completed_with_errors', 'failed', 'cancelled'] as const
export const jobStates = [...activeJobStates, ...endedJobStates] as const
export type ActiveJobState = (typeof activeJobStates)[number]
export type JobState = (typeof jobStates)[number]
export type EndedJobState = (typeof endedJobStates)[number]

/** What a job is for: pictures on their way in, or a look at a whole gallery. */
export const jobKinds = ['ingest', 'evaluate', 'duplicates', 'doctor', 'layout'] as const
export type JobKind = (typeof jobKinds)[number]

export interface JobRecord {
  id: string
  kind: JobKind
  gallery: string
  galleryUid: string
  state: JobState
  /** What the runner needs to read the source again; opaque here. */
  source: JsonValue
  /** Items in the source, once known. */
  total: number | null
  /** Items that ended in any way: of an ingestion added + updated + removed + skipped + failed, of another kind its position. */
  done: number
  added: number
  updated: number
  removed: number
  skipped: number
  failed: number
  /** Of those put: items that took the place of an earlier one of the same source and id. */
  replaced: number
  /** Items whose names were read as their archive means them only when it says nothing else. */
  namesAssumed: number
  /** Items, counted from the first, that are all done; a job resumes with the item after them. */
  position: number
  /** Of the run that was begun last; null while there was none. */
  trials: JobTrials | null
  /** Why the job failed, of one that has ended in no other state; of one that is tried again, that the process died over it. */
  failure: { code: string; detail: string } | null
  idempotencyKey: string | null
  createdAt: string
  startedAt: string | null
  finishedAt: string | null
  /** Of jobs that wait, those of a higher one are begun first. */
  priority: number
  /** It is not begun until it is let go on. */
  paused: boolean
}

/** What shows, after the process has died, whether the job was the reason. Kept for jobs that a later process takes up. */
export interface JobTrials {
  /** Runs begun since the job last got further, of which none came to its end. */
  runs: number
  /** The item that is being tried with nothing beside it, and how often it was. */
  alone: { item: number; tries: number } | null
  /** Items that were given up because the process had ended over them. */
  givenUp: number
}

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

/** One item that could not be taken, or took the place of another one, for the job's report. */
export interface JobError {
  /** Index of the item in the source, from 0. */
  item: number
  /** As the source calls it: file name, entry path, line. */
  name: string
  code: string
  detail: string
}

/** How far a job came with one write; committed with the records of that write or not at all. */
export interface JobProgress {
  jobId: string
  /** New position; never moves back. */
  position: number
  /** Items of this step that left nothing to do: stored already. */
  skipped?: number
  /** Items of this step that failed; each also counts as failed. */
  errors?: JobError[]
  /** Items of this step that took the place of an earlier one; listed beside the errors. */
  replaced?: JobError[] | undefined
  /** What else is to be told of this step; listed beside the errors, counted with none of them. */
  notes?: JobError[] | undefined
  /** Items of this step whose names were assumed. */
  namesAssumed?: number | undefined
}

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
  /** Default `newest` first; `next`: those that may be begun, in that order. */
  order?: 'newest' | 'oldest' | 'next' | undefined
}

/** The end of a job that has something to tell. */
export interface JobResult {
  /** Items it has looked at. */
  total: number
  /** JSON text. */
  result: string
}

export interface JobStore {
  /** Commits the job as `queued` before it resolves. @throws `gallery_not_found`. */
  create(job: NewJob): Promise<{ job: JobRecord; created: boolean }>
  /** @throws `job_not_found`, `job_finished` when the job is in none of the `from` states. */
  transition(id: string, transition: JobTransition): Promise<JobRecord>
  /** Durable before it resolves. @throws `job_not_found`, `job_finished` when the job is not running any more */
  note(id: string, trials: JobTrials): Promise<void>
  /** For steps that store no picture. @throws `job_finished` when the job is not running any more, `gallery_not_found`. */
  advance(progress: JobProgress): Promise<void>
  /**
   * The end of a job whose items have all been looked at: its state follows from how many of them failed.
   * @throws `job_not_found`, `job_finished` when it is not running any more
   */
  complete(id: string, total: number): Promise<JobRecord>
  /** `succeeded`, together with its result. @throws `job_finished` when it is not running any more, `gallery_not_found`. */
  finish(id: string, result: JobResult): Promise<JobRecord>
  /** Durable before it resolves. @throws `job_not_found`, `job_finished` when it has ended */
  steer(id: string, steering: JobSteering): Promise<JobRecord>
  /** Of jobs that have ended. */
  webhooks(): PendingWebhook[]
  /** Durable before it resolves; nothing where there is no such job or webhook any more. */
  noteWebhook(id: string, next: WebhookNote): Promise<void>
  get(id: string): JobRecord | undefined
  /** JSON text; undefined before the job has succeeded, and for kinds without one. */
  result(id: string): string | undefined
  list(options?: JobListOptions): JobRecord[]
  /** Jobs that there are, told without reading them. */
  count(options: Required<Pick<JobListOptions, 'kinds' | 'states'>>): number
  /** In the order of the source, in pages: pass the last item's index + 1 to go on. */
  errors(id: string, options?: { fromItem?: number; limit?: number }): JobError[]
  /** Ended jobs and their error lines that finished before this time are dropped; returns how many jobs. */
  forget(finishedBefore: string): Promise<number>
}

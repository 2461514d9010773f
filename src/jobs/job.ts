/** A job as it is stored: what must survive a crash to go on where it stopped. */
import type { JsonValue } from '../gallery/records.js'

/** Not ended: it is waiting, or at work. */
export const activeJobStates = ['queued', 'running'] as const
/** `succeeded`: nothing failed; `completed_with_errors`: some items failed; `failed`: all of them, or the job as a whole. */
export const endedJobStates = ['succeeded', 'completed_with_errors', 'failed', 'cancelled'] as const
export const jobStates = [...activeJobStates, ...endedJobStates] as const
export type ActiveJobState = (typeof activeJobStates)[number]
export type JobState = (typeof jobStates)[number]
export type EndedJobState = (typeof endedJobStates)[number]

/** What a job is for: pictures on their way in, a look at a whole gallery, its pictures embedded by another model, or the gallery moved to another engine. */
export const jobKinds = ['ingest', 'evaluate', 'duplicates', 'doctor', 'layout', 're-embedding', 'move'] as const
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
  /** Of a run in another process, as that told it last. */
  reading?: RunReading | undefined
}

/** What a run knows beyond the job's record. */
export interface RunReading {
  /** Since this run began, a resumed job's former life not counted. */
  elapsedMs: number
  doneInThisRun: number
  /** Part of the source's bytes that was read, when this run began and now. */
  shareAtStart: number
  share: number
  /** Of the job, where its record does not tell while it runs. */
  done?: number | undefined
  total?: number | null | undefined
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

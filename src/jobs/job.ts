/** A job as it is stored: what must survive a crash so that it can resume where it stopped. */
import type { JsonValue } from '../gallery/metadata.js'

/** Not ended: waiting or running. */
export const activeJobStates = ['queued', 'running'] as const
export type ActiveJobState = (typeof activeJobStates)[number]
/** `succeeded`: nothing failed; `completed_with_errors`: some items failed; `failed`: all of them, or the job as a whole. */
export const endedJobStates = ['succeeded', 'completed_with_errors', 'failed', 'cancelled'] as const
export const jobStates = [...activeJobStates, ...endedJobStates] as const
export type JobState = (typeof jobStates)[number]
export type EndedJobState = (typeof endedJobStates)[number]

/** The jobs that end with a result. */
export const analysisKinds = ['evaluate', 'duplicates', 'doctor', 'layout'] as const

/**
 * What a job does: it ingests pictures, analyses a whole gallery, embeds its pictures with another model, or moves it to
 * another engine.
 */
export const jobKinds = ['ingest', ...analysisKinds, 're-embedding', 'move'] as const
export type JobKind = (typeof jobKinds)[number]

export function hasResult(kind: string): boolean {
  return (analysisKinds as readonly string[]).includes(kind)
}

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
  /**
   * Items finished in any way: for an ingestion added + updated + removed + skipped + failed, for other kinds its
   * position.
   */
  done: number
  added: number
  updated: number
  removed: number
  skipped: number
  failed: number
  /** Among the items put: those that replaced an earlier one of the same source and id. */
  replaced: number
  /** Items whose names were decoded with the archive format's default encoding, because nothing else was declared. */
  namesAssumed: number
  /** All items before this one are done; a job resumes with the item at this index. */
  position: number
  /** Start of the latest run; null before the first. */
  trials: JobTrials | null
  /** Why the job failed; while it is being retried, that the process crashed; while it waits, that a disk is full. */
  failure: { code: string; detail: string } | null
  idempotencyKey: string | null
  createdAt: string
  startedAt: string | null
  finishedAt: string | null
  /** Among waiting jobs, those with a higher priority start first. */
  priority: number
  /** Not started until it is resumed. */
  paused: boolean
  /** Last reported by a run in another process. */
  reading?: RunReading | undefined
}

/** What a run knows beyond the job's record. */
export interface RunReading {
  /** Since this run began; earlier runs of a resumed job do not count. */
  elapsedMs: number
  doneInThisRun: number
  /** Share of the source's bytes read, when this run began and now. */
  shareAtStart: number
  share: number
  /** The job's `done`, if the run knows of more than the stored record. */
  done?: number | undefined
  total?: number | null | undefined
}

/** Shows, after a crash, whether the job was the cause. Stored for jobs that a later process resumes. */
export interface JobTrials {
  /** Runs started since the job last made progress, none of which ended normally. */
  runs: number
  /** The item that is being tried alone, and how often it has been. */
  alone: { item: number; tries: number } | null
  /** Items that were skipped because the process had crashed on them. */
  givenUp: number
}

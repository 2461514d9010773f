/** What a kind of job provides: how one of its jobs is run. Everything else about its life is in `jobs.ts`. */

import type { JobProgress } from '../gallery/job-progress.js'
import type { JobKind, JobRecord, JobTrials, RunReading } from './job.js'

/** For kinds that resume where they stopped; see `JobRunner.deathsMax`. */
export const usualDeathsMax = 4

export interface JobRunner {
  /** Jobs of these kinds start in order of arrival, in parallel with those of other runners. */
  kinds: readonly JobKind[]
  /** Maximum number of jobs that this process runs at once, each of another gallery. */
  jobsAtOnce: number
  /** Maximum number of jobs waiting or running. */
  jobsMax: number
  /** A job during which the process has crashed this often without progress is not started again. */
  deathsMax: number
  /**
   * Called once, before any job is run.
   * @param jobIds unfinished jobs of previous processes
   */
  resume?(jobIds: ReadonlySet<string>): Promise<void>
  /**
   * Called again with the current record after `engine_unreachable`.
   * @throws AlikeError if the job as a whole cannot continue; anything, once its signal is aborted
   */
  run(job: JobRecord, control: JobControl): Promise<RunEnd>
  /** Called when the job was stopped here, and any process may go on with it: deletes what only this one could use. */
  leave?(jobId: string): Promise<void>
  /** Called when the job has ended: deletes what it stored outside the database. */
  discard?(jobId: string): Promise<void>
}

/** What a run receives, and how it reports progress. */
export interface JobControl {
  /** Aborted to stop the run immediately; the state of the job is not the run's concern. */
  signal: AbortSignal
  /** Recorded runs, including this one: if there are others, the process crashed during them. */
  trials: JobTrials
  /** Index of an item that is skipped because the process has crashed on it too often. */
  giveUp: number | undefined
  /**
   * Stores the number of items.
   * @throws AlikeError `job_finished`
   */
  expect(total: number): Promise<void>
  /**
   * Stores which items are being tried.
   * @throws AlikeError `job_finished`
   */
  note(trials: JobTrials): Promise<void>
  /**
   * Stores progress made without storing pictures.
   * @throws AlikeError `job_finished`, `gallery_not_found`
   */
  advance(progress: JobProgress): Promise<void>
  /** Provides the run's progress on request; before that, the job's record is used. */
  report(reading: () => RunReading): void
  /** After a crash: the run no longer does less at once in order to find out what was responsible. */
  recovered(): void
}

export interface RunEnd {
  /** Items processed. */
  total: number
  /** JSON text. Undefined: the final state follows from the outcomes of its items. */
  result?: string | undefined
}

/** What a kind of job brings: how one of its jobs is run. Everything else about its life is `jobs.ts`. */

import type { JobProgress } from '../gallery/job-progress.js'
import type { JobKind, JobRecord, JobTrials, RunReading } from './job.js'

export interface JobRunner {
  /** Jobs of these kinds run one at a time, in the order of their coming, beside those of other runners. */
  kinds: readonly JobKind[]
  /** Jobs that may wait or run. */
  jobsMax: number
  /** A job that did not get further while the process died so often over it is not begun again. */
  deathsMax: number
  /**
   * Once, before any job is run.
   * @param jobIds jobs of former processes that have not ended
   */
  resume?(jobIds: ReadonlySet<string>): Promise<void>
  /** @throws AlikeError why the job as a whole can not go on; anything once its signal is aborted */
  run(job: JobRecord, control: JobControl): Promise<RunEnd>
  /** Removes what the job has outside the database: it has ended. */
  discard?(jobId: string): Promise<void>
}

/** What a run is given, and how it tells of itself. */
export interface JobControl {
  /** Aborted to stop the run where it is; what becomes of the job's state is no matter of the run. */
  signal: AbortSignal
  /** As noted for this run: of more runs than this one, the process died over the others. */
  trials: JobTrials
  /** Index of an item over which the process has died so often that it is given up. */
  giveUp: number | undefined
  /** Stores how many items there are. @throws AlikeError `job_finished` */
  expect(total: number): Promise<void>
  /** Stores what is being tried. @throws AlikeError `job_finished` */
  note(trials: JobTrials): Promise<void>
  /** Stores how far it came with steps that store no picture. @throws AlikeError `job_finished`, `gallery_not_found` */
  advance(progress: JobProgress): Promise<void>
  /** Says how far the run is, whenever somebody asks; before that the job's record tells. */
  tell(reading: () => RunReading): void
}

export interface RunEnd {
  /** Items it has looked at. */
  total: number
  /** JSON text. Left out: the job ends as what became of its items says. */
  result?: string | undefined
}

/** A kind of job whose runs are controlled by the test. */
import type { JobKind, JobRecord } from '../../src/jobs/job.js'
import type { JobControl, JobRunner, RunEnd } from '../../src/jobs/job-runner.js'

export interface HeldRun {
  job: JobRecord
  control: JobControl
  end(end: RunEnd): void
  fail(error: unknown): void
}

export class HeldRunner implements JobRunner {
  readonly kinds: readonly JobKind[]
  readonly jobsAtOnce: number
  readonly jobsMax: number
  readonly deathsMax = 2
  readonly runs: HeldRun[] = []
  readonly resumed: string[] = []
  readonly discarded: string[] = []
  readonly left: string[] = []
  /** Thrown by each call to `discard`. */
  undiscardable: unknown

  constructor(kinds: readonly JobKind[], jobsMax = 8, jobsAtOnce = 1) {
    this.kinds = kinds
    this.jobsAtOnce = jobsAtOnce
    this.jobsMax = jobsMax
  }

  async resume(jobIds: ReadonlySet<string>): Promise<void> {
    this.resumed.push(...jobIds)
  }

  run(job: JobRecord, control: JobControl): Promise<RunEnd> {
    return new Promise((resolve, reject) => {
      control.signal.addEventListener('abort', () => reject(control.signal.reason as Error))
      this.runs.push({ job, control, end: resolve, fail: reject })
    })
  }

  async leave(jobId: string): Promise<void> {
    this.left.push(jobId)
  }

  async discard(jobId: string): Promise<void> {
    this.discarded.push(jobId)
    if (this.undiscardable !== undefined) throw this.undiscardable
  }
}

/** Runs analyses. */
import { analysisKinds, type JobRecord } from '../jobs/job.js'
import type { JobControl, JobRunner, RunEnd } from '../jobs/job-runner.js'
import { AnalysisRun, type AnalysisRunParts } from './analysis-run.js'
import type { AnalysisTask } from './findings/parameters.js'

/** One at a time: each holds a gallery in memory and occupies a core. An interrupted run starts over. */
export class AnalysisRunner implements JobRunner {
  readonly kinds = analysisKinds
  readonly jobsAtOnce = 1
  readonly jobsMax: number
  /** Makes progress only by finishing. */
  readonly deathsMax = 2
  readonly #parts: AnalysisRunParts

  /** @param options `jobsMax`: analyses that may wait or run */
  constructor({ jobsMax, ...parts }: AnalysisRunParts & { jobsMax: number }) {
    this.jobsMax = jobsMax
    this.#parts = parts
  }

  async run(job: JobRecord, { signal, report }: JobControl): Promise<RunEnd> {
    const run = new AnalysisRun(job, this.#parts, signal)
    report(() => run.reading())
    const { total, result } = await run.run(job.source as unknown as AnalysisTask)
    return { total, result: JSON.stringify(result) }
  }
}

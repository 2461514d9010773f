/** How an analysis is run. */
import type { JobKind, JobRecord } from '../gallery/jobs.js'
import type { InsightTask } from '../insight/parameters.js'
import type { JobControl, JobRunner, RunEnd } from '../jobs/job-runner.js'
import { InsightRun, type InsightRunParts } from './insight-run.js'

export const insightKinds = ['evaluate', 'duplicates', 'doctor'] as const satisfies readonly JobKind[]

/** One at a time: each holds a gallery in memory and keeps a core busy. A run that was stopped begins anew. */
export class InsightRunner implements JobRunner {
  readonly kinds = insightKinds
  readonly jobsMax: number
  /** It gets further with its end only. */
  readonly deathsMax = 2
  readonly #parts: InsightRunParts

  /** @param options `jobsMax`: analyses that may wait or run */
  constructor({ jobsMax, ...parts }: InsightRunParts & { jobsMax: number }) {
    this.jobsMax = jobsMax
    this.#parts = parts
  }

  async run(job: JobRecord, { signal, tell }: JobControl): Promise<RunEnd> {
    const run = new InsightRun(job, this.#parts, signal)
    tell(() => run.reading())
    const { total, result } = await run.run(job.source as unknown as InsightTask)
    return { total, result: JSON.stringify(result) }
  }
}

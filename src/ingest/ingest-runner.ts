/** How an ingestion job is run: its upload is read from the spool, and goes when the job has ended. */
import type { JobRecord } from '../jobs/job.js'
import type { JobControl, JobRunner, RunEnd } from '../jobs/job-runner.js'
import { JobRun, type JobRunOptions } from './job-run.js'
import { openSource } from './open-source.js'
import type { SourceDescription, SourceLimits } from './source.js'
import type { Spool } from './spool.js'

export interface IngestRunnerOptions extends SourceLimits, Pick<JobRunOptions, 'parts' | 'metrics' | 'concurrency'> {
  spool: Spool
  jobsMax: number
}

/** One job at a time: each uses every core, and a later job of the same gallery must not overtake. */
export class IngestRunner implements JobRunner {
  readonly kinds = ['ingest'] as const
  readonly jobsMax: number
  readonly deathsMax = 4
  readonly #options: IngestRunnerOptions
  /** Jobs whose uploads a former process received: compared with what was received before they are read. */
  #left: ReadonlySet<string> = new Set()

  constructor(options: IngestRunnerOptions) {
    this.jobsMax = options.jobsMax
    this.#options = options
  }

  async resume(jobIds: ReadonlySet<string>): Promise<void> {
    this.#left = jobIds
    await this.#options.spool.sweep(jobIds)
  }

  async run(job: JobRecord, control: JobControl): Promise<RunEnd> {
    const { signal, expect, tell } = control
    const { spool, parts, metrics, concurrency, uploadMaxBytes } = this.#options
    const description = job.source as unknown as SourceDescription
    if (this.#left.has(job.id)) await spool.expectWhole(job.id, description)
    const source = await openSource(description, spool.fileOf(job.id), this.#options, signal)
    try {
      if (job.total === null && source.total !== undefined) await expect(source.total)
      const run = new JobRun(job, source, { ...control, parts, metrics, concurrency, uploadMaxBytes })
      tell(() => run.reading())
      return { total: await run.run() }
    } finally {
      await source.close()
    }
  }

  discard(jobId: string): Promise<void> {
    return this.#options.spool.remove(jobId)
  }
}

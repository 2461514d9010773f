/** Runs an ingestion job: reads its upload from the spool and deletes it when the job has ended. */
import { AlikeError, hasCode } from '../errors.js'
import type { JobRecord } from '../jobs/job.js'
import type { JobLogger } from '../jobs/job-logger.js'
import { type JobControl, type JobRunner, type RunEnd, usualDeathsMax } from '../jobs/job-runner.js'
import { JobRun, type JobRunOptions } from './job-run.js'
import { JobTrace, type TracePart } from './job-trace.js'
import { openSource, type PicturePlaces } from './open-source.js'
import { SharedRoom } from './shared-room.js'
import type { SourceDescription, SourceLimits } from './source.js'
import { listedObjects } from './sources/bucket-objects.js'
import type { Spool } from './spool.js'

export interface IngestRunnerOptions extends SourceLimits, Pick<JobRunOptions, 'parts' | 'metrics' | 'concurrency'> {
  spool: Spool
  places: PicturePlaces
  jobsAtOnce: number
  jobsMax: number
  logger: JobLogger
  /** Default: no tracing. */
  traceOf?: ((job: JobRecord) => TracePart) | undefined
}

/** Where a run that read the upload for another model has left off. */
type RunPlace = Pick<JobRun, 'position' | 'triedTo' | 'givenUp'>

const placeOf = ({ position, triedTo, givenUp }: JobRun): RunPlace => ({ position, triedTo, givenUp })

/** Total size of picture files in memory, of all running jobs; a single one may be larger. */
const underWayMaxBytes = 128 * 2 ** 20

/** Each job uses every core: several at once are no faster together, but a small one does not wait for a large one. */
export class IngestRunner implements JobRunner {
  readonly kinds = ['ingest'] as const
  readonly jobsAtOnce: number
  readonly jobsMax: number
  readonly deathsMax = usualDeathsMax
  readonly #options: IngestRunnerOptions
  readonly #pictures: SharedRoom
  readonly #bytes = new SharedRoom(underWayMaxBytes)

  constructor(options: IngestRunnerOptions) {
    this.jobsAtOnce = options.jobsAtOnce
    this.jobsMax = options.jobsMax
    this.#options = options
    this.#pictures = new SharedRoom(options.concurrency)
  }

  async resume(jobIds: ReadonlySet<string>): Promise<void> {
    const { spool, logger } = this.#options
    await spool.sweep(jobIds)
    // the service need not wait for the bucket
    void spool
      .sweepShared(jobIds)
      .catch((err: unknown) =>
        logger.warn({ err }, 'shared uploads of no job could not be deleted; a later start does'),
      )
  }

  async run(job: JobRecord, control: JobControl): Promise<RunEnd> {
    const { spool, traceOf } = this.#options
    const description = job.source as unknown as SourceDescription
    if (description.kind === 's3')
      await spool.list(job.id, this.#listed(job, description, control.signal), control.signal)
    else await spool.bring(job.id, description, control.signal)
    const trace = traceOf && new JobTrace(traceOf(job))
    // pictures that were embedded for another model and not kept are read again
    const { position } = job
    for (let at: RunPlace = { position, triedTo: position, givenUp: control.trials.givenUp }; ; ) {
      const run = await this.#runFrom(job, at, { description, control, trace })
      if (run.total !== undefined) return { total: run.total }
      at = run
    }
  }

  /** Runs to the end, or until another model serves the gallery; another run must then continue from `position`. */
  async #runFrom(
    job: JobRecord,
    { position, triedTo, givenUp }: RunPlace,
    {
      description,
      control,
      trace,
    }: { description: SourceDescription; control: JobControl; trace: JobTrace | undefined },
  ): Promise<RunPlace & { total?: number }> {
    const { signal, expect, report } = control
    const trials = { ...control.trials, givenUp }
    const { spool, places, parts, metrics, concurrency, uploadMaxBytes } = this.#options
    const source = await openSource(description, spool.fileOf(job.id), { limits: this.#options, places, signal })
    const [pictures, bytes] = [this.#pictures.enter(), this.#bytes.enter()]
    const run = new JobRun({ ...job, position }, source, {
      ...{ ...control, trials, triedTo },
      ...{ parts, metrics, concurrency, pictures, bytes, uploadMaxBytes, trace },
    })
    try {
      if (job.total === null && source.total !== undefined) await expect(source.total)
      report(() => run.reading())
      return { total: await run.run(), ...placeOf(run) }
    } catch (error) {
      if (!hasCode(error, 'serving_changed')) throw error
      return placeOf(run)
    } finally {
      for (const share of [pictures, bytes]) share.leave()
      await source.close()
    }
  }

  /** Lines of the list, which is written before the first picture; not read when the job is resumed with its list. */
  async *#listed({ position }: JobRecord, description: SourceDescription, signal: AbortSignal): AsyncGenerator<Buffer> {
    // after a restore; in a new list, other objects may be in the places that are done
    if (position > 0)
      throw new AlikeError('source_unreadable', { detail: 'The list of its objects is gone; request them again.' })
    yield* listedObjects(description, { buckets: this.#options.places.buckets, limits: this.#options, signal })
  }

  leave(jobId: string): Promise<void> {
    return this.#options.spool.leave(jobId)
  }

  discard(jobId: string): Promise<void> {
    return this.#options.spool.remove(jobId)
  }
}

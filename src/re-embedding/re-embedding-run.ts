/**
 * One job that completes a set from a gallery's pictures: embeds differing ones group by group, each committed together
 * with the job's progress. A resumed run compares from the beginning, which skips finished pictures quickly.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pMap from 'p-map'
import type { AlikeError } from '../errors.js'
import type { Changes } from '../gallery/changes.js'
import type { JobError, JobProgress } from '../gallery/job-progress.js'
import type { ImageRecord } from '../gallery/records.js'
import type { HeldLock } from '../gallery/writes.js'
import type { JobRecord, RunReading } from '../jobs/job.js'
import type { JobControl } from '../jobs/job-runner.js'
import { patiently } from '../jobs/patience.js'
import { broughtAtOnce, catchUp } from './catching-up.js'
import { differingImages, goneImages } from './compared-sets.js'
import { MissedImages, missedLine, originalsMissing } from './missed-images.js'
import { PaceLimit } from './pace-limit.js'
import type { WithoutOriginal } from './set-about.js'
import type { LostImage, SetMirror } from './set-mirror.js'

export interface ReEmbeddingRunOptions extends Pick<JobControl, 'signal' | 'advance'> {
  mirror: SetMirror
  /** Changes made during the run. */
  changed: Changes
  /** Of writing to the other set, held during the run. */
  lock: Pick<HeldLock, 'isHeld'>
  withoutOriginal: WithoutOriginal
  /** Pictures embedded or copied per second; 0: unlimited. */
  ratePerSecond: number
  total: number
  /** See `MissedImages`; also before everything is compared again because the list was shorter than the gallery. */
  pausesMs?: readonly number[] | undefined
}

type Placed = { id: string; place: number }

/** An engine whose server was killed in the middle of a change may list everything only after some seconds. */
const listedAgainAfterMs = [2_000, 5_000, 15_000]
/** Maximum pictures listed that cannot be embedded again, before the job fails. */
const listedMax = 10_000
/** Originals looked for at once: a bucket takes some milliseconds for each. */
const askedAtOnce = 16

export class ReEmbeddingRun {
  readonly #job: JobRecord
  readonly #options: ReEmbeddingRunOptions
  readonly #startedAt = performance.now()
  readonly #pace: PaceLimit
  /** As committed with the job. */
  #position: number
  /** The most that any comparison has examined. */
  #looked = 0
  /** Next free place in the report after the lines of the first comparison: in a later one, places may be others. */
  #behind = 0
  /** Ids with a line in the report, if everything may be compared again. */
  readonly #reported = new Set<string>()
  /** Undefined for a job that omits such pictures. */
  readonly #missed: MissedImages | undefined
  #done = 0

  constructor(job: JobRecord, options: ReEmbeddingRunOptions) {
    this.#job = job
    this.#options = options
    this.#position = job.position
    this.#pace = new PaceLimit(options.ratePerSecond)
    if (options.withoutOriginal === 'fail') this.#missed = this.#noneMissed(options)
  }

  /** Counts its total, and reports progress from now on. @throws AlikeError `job_finished`; as `OpenSet.state` */
  static async begin(
    job: JobRecord,
    { signal, advance, expect, report }: JobControl,
    options: Omit<ReEmbeddingRunOptions, 'signal' | 'advance' | 'total'>,
  ): Promise<ReEmbeddingRun> {
    const { images: total } = await patiently(() => options.mirror.from.state(), signal)
    await expect(Math.max(total, job.position))
    const run = new ReEmbeddingRun(job, { ...options, signal, advance, total })
    report(() => run.reading())
    return run
  }

  reading(): RunReading {
    const { total } = this.#options
    return {
      elapsedMs: performance.now() - this.#startedAt,
      doneInThisRun: this.#done,
      shareAtStart: 0,
      share: total === 0 ? 1 : Math.min(1, this.#looked / total),
      done: Math.max(this.#position, this.#looked),
      total: Math.max(total, this.#position, this.#looked),
    }
  }

  /**
   * @returns the number of pictures examined
   * @throws AlikeError `originals_missing`, and as `SetMirror.bring` does; the signal's reason when stopped
   */
  async run(): Promise<number> {
    const { mirror, changed, signal, lock } = this.#options
    // a run whose process died may have stored them before searches found them; below they are skipped
    await mirror.to.makeFindable?.()
    if (this.#missed !== undefined) await this.#expectOriginals()
    await this.#compare()
    for await (const gone of goneImages(mirror, signal))
      await changed.note((await mirror.bring(gone, { signal, lock })).again)
    await this.#advance(this.#looked, [])
    await this.#missed?.expectNone()
    await catchUp({ mirror, changed, signal, lock, onLost: (lost) => this.#miss(lost, () => this.#behind++) })
    await this.#missed?.expectNone()
    return Math.max(this.#looked, this.#position)
  }

  /** Repeated if the list was shorter than the gallery: some engines do not list all they store at once. */
  async #compare(): Promise<void> {
    const { mirror, signal, total, pausesMs = listedAgainAfterMs } = this.#options
    let looked = await this.#bringDiffering((place) => place)
    this.#behind = Math.max(looked, this.#job.position)
    if (!this.#mayListLess) return
    for (const pauseMs of pausesMs) {
      const { images } = await patiently(() => mirror.from.state(), signal)
      if (looked >= Math.min(images, total)) return
      await sleep(pauseMs, undefined, { signal })
      looked = await this.#bringDiffering(() => this.#behind++)
    }
  }

  get #mayListLess(): boolean {
    return this.#options.mirror.from.makeFindable !== undefined
  }

  /** @param lineOf place in the report by place in the list @returns the number of pictures examined */
  async #bringDiffering(lineOf: (place: number) => number): Promise<number> {
    const { mirror, signal } = this.#options
    let examined = 0
    for await (const { looked, differing } of differingImages(mirror, signal)) {
      const due = differing.filter(({ id }) => !this.#reported.has(id))
      for (let begin = 0; begin < due.length; begin += broughtAtOnce)
        await this.#bring(due.slice(begin, begin + broughtAtOnce), lineOf)
      if (this.#missed?.areTooMany === true) await this.#missed.expectNone()
      examined += looked.length
      this.#looked = Math.max(this.#looked, examined)
    }
    return examined
  }

  async #bring(group: readonly Placed[], lineOf: (place: number) => number): Promise<void> {
    const { mirror, changed, signal, lock, advance } = this.#options
    const placeOf = new Map(group.map(({ id, place }) => [id, place]))
    const end = group.at(-1)!.place + 1
    const { made, again } = await mirror.bring([...placeOf.keys()], {
      signal,
      lock,
      advance,
      progressOf: (lost) =>
        this.#progress(
          end,
          group.length,
          this.#miss(lost, (id) => lineOf(placeOf.get(id)!)),
        ),
    })
    this.#position = Math.max(this.#position, end)
    this.#done += made
    if (again.length > 0) await changed.note(again)
    await this.#pace.spend(made, signal)
  }

  /** @returns report lines to write at once; excludes pictures that would fail the job but may succeed in a moment */
  #miss(lost: readonly LostImage[], placeOf: (id: string) => number): JobError[] {
    if (this.#missed === undefined) {
      if (this.#mayListLess) for (const { id } of lost) this.#reported.add(id)
      return lost.map((image) => missedLine(image, placeOf(image.id)))
    }
    for (const image of lost) this.#missed.add(image, placeOf(image.id))
    return []
  }

  #noneMissed({ mirror, signal, lock, pausesMs }: ReEmbeddingRunOptions): MissedImages {
    return new MissedImages({
      signal,
      pausesMs,
      bring: async (ids) => {
        const progressOf = () => this.#progress(this.#position, 0, [])
        const { lost, made, again } = await mirror.bring(ids, { signal, lock, progressOf })
        this.#done += made
        if (again.length > 0) await this.#options.changed.note(again)
        return lost
      },
      differing: async (ids) => mirror.differing(await mirror.from.find(ids)),
      list: (lines) => this.#options.advance({ ...this.#progress(this.#position, 0, []), errors: [...lines] }),
    })
  }

  /** @param handled differing pictures up to this position */
  #progress(position: number, handled: number, errors: readonly JobError[]): JobProgress {
    const { id: jobId } = this.#job
    // lines that a previous run reported are not repeated
    const unreported = errors.filter(({ item }) => item >= this.#job.position)
    const skipped = Math.max(0, position - this.#position - handled)
    return { jobId, position, skipped, errors: unreported }
  }

  async #advance(position: number, errors: readonly JobError[]): Promise<void> {
    await this.#options.advance(this.#progress(position, 0, errors))
    this.#position = Math.max(this.#position, position)
  }

  /** Runs before anything is embedded. @throws AlikeError `originals_missing`, with all of them listed */
  async #expectOriginals(): Promise<void> {
    const { mirror, signal } = this.#options
    const missing: Placed[] = []
    let count = 0
    for await (const { looked, differing } of differingImages(mirror, signal)) {
      const placeOf = new Map(differing.map(({ id, place }) => [id, place]))
      const without = await this.#without(looked.filter(({ id }) => placeOf.has(id)))
      count += without.length
      for (const { id } of without) if (missing.length < listedMax) missing.push({ id, place: placeOf.get(id)! })
    }
    const lines = await this.#obstacles(missing)
    count -= missing.length - lines.length
    if (count === 0) return
    await this.#advance((lines.at(-1)?.item ?? -1) + 1, lines)
    throw originalsMissing(`${count}`)
  }

  /** A line for each that still has one: some may have been deleted or replaced. */
  async #obstacles(images: readonly Placed[]): Promise<JobError[]> {
    const { mirror, signal } = this.#options
    const lines: JobError[] = []
    for (let begin = 0; begin < images.length; begin += broughtAtOnce) {
      signal.throwIfAborted()
      const placeOf = new Map(images.slice(begin, begin + broughtAtOnce).map(({ id, place }) => [id, place]))
      for (const image of await this.#without(await mirror.from.find([...placeOf.keys()])))
        lines.push(missedLine(image, placeOf.get(image.id)!))
    }
    return lines
  }

  /** Those that cannot be embedded again, in order, and why. */
  async #without(images: readonly ImageRecord[]): Promise<{ id: string; error: AlikeError }[]> {
    const { mirror, signal } = this.#options
    const obstacles = await pMap(images, (image) => mirror.obstacle(image), { concurrency: askedAtOnce, signal })
    return images.flatMap(({ id }, i) => (obstacles[i] === undefined ? [] : { id, error: obstacles[i] }))
  }
}

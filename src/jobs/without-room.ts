/**
 * Jobs that found a disk full when they last ran in this process, in the order in which they did. They are tried again
 * after 10 s, and less and less often; of one that is not run here again in time, the lane asks whether it still waits.
 */
import type { JobKind, JobRecord } from './job.js'

interface NoRoom {
  kind: JobKind
  /** Of the job, at that time. */
  position: number
  /** How often in a row, without getting further. */
  times: number
  pauseMs: number
  isOver: boolean
  untilOver: NodeJS.Timeout
}

const firstPauseMs = 10_000
/** A job may have to fetch its upload each time. */
const pauseMaxMs = 60_000
/** After its pause. By then another process may have the job, or it may be paused or cancelled. */
const overAfterMs = 60_000

export class WithoutRoom {
  readonly #jobs = new Map<string, NoRoom>()
  readonly #leftOut = new Set<string>()
  readonly #onTime: () => void

  /** @param onTime called when a pause, or the time of a job, is over */
  constructor(onTime: () => void) {
    this.#onTime = onTime
  }

  /** Where the job was; undefined if it did not find a disk full. */
  positionOf(jobId: string): number | undefined {
    return this.#jobs.get(jobId)?.position
  }

  get kinds(): readonly { id: string; kind: JobKind }[] {
    return [...this.#jobs].map(([id, { kind }]) => ({ id, kind }))
  }

  /** Uids of those left out for a while: jobs of others go ahead, and processes with room may run theirs. */
  get galleries(): Iterable<string> {
    return this.#leftOut
  }

  /** How many found a disk full before this one did, and wait too. */
  aheadOf(jobId: string): number {
    return [...this.#jobs.keys()].indexOf(jobId)
  }

  /** @param job as it was when its run began */
  note({ id, kind, position }: JobRecord): void {
    const last = this.#jobs.get(id)
    clearTimeout(last?.untilOver)
    const times = last?.position === position ? last.times + 1 : 1
    const pauseMs = Math.min(firstPauseMs * 2 ** (times - 1), pauseMaxMs)
    const untilOver = this.#overIn(id, pauseMs + overAfterMs)
    this.#jobs.set(id, { kind, position, times, pauseMs, isOver: false, untilOver }) // keeps its place, if it has one
  }

  /** Leaves out its gallery for its pause. */
  leaveOut({ id, galleryUid }: JobRecord): void {
    this.#leftOut.add(galleryUid)
    const goOn = () => {
      this.#leftOut.delete(galleryUid)
      this.#onTime()
    }
    setTimeout(goOn, this.#jobs.get(id)?.pauseMs).unref()
  }

  /** Ids of those that were not run again in time. */
  get over(): string[] {
    return [...this.#jobs].flatMap(([id, { isOver }]) => (isOver ? id : []))
  }

  /** Gives it more time: it waits for its turn. */
  prolong(jobId: string): void {
    const noted = this.#jobs.get(jobId)
    if (noted === undefined) return
    noted.isOver = false
    noted.untilOver = this.#overIn(jobId, overAfterMs)
  }

  forget(jobId: string): void {
    clearTimeout(this.#jobs.get(jobId)?.untilOver)
    this.#jobs.delete(jobId)
  }

  /** Forgets all. @returns their ids */
  close(): string[] {
    const ids = [...this.#jobs.keys()]
    for (const id of ids) this.forget(id)
    return ids
  }

  #overIn(jobId: string, ms: number): NodeJS.Timeout {
    const end = () => {
      const noted = this.#jobs.get(jobId)
      if (noted !== undefined) noted.isOver = true
      this.#onTime()
    }
    return setTimeout(end, ms).unref()
  }
}

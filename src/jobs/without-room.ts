/**
 * Jobs that found a disk full when they last ran in this process. They are tried again after 10 s, and less and less often;
 * one that is not run here again in time is forgotten.
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
/** After its pause. By then another process has the job, or it is paused or cancelled. */
const overAfterMs = 60_000

export class WithoutRoom {
  readonly #jobs = new Map<string, NoRoom>()
  readonly #leftOut = new Set<string>()
  readonly #onTime: () => void

  /** @param onTime called when a pause, or the time of a job, is over */
  constructor(onTime: () => void) {
    this.#onTime = onTime
  }

  get size(): number {
    return this.#jobs.size
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

  /** @param job as it was when its run began */
  note({ id, kind, position }: JobRecord): void {
    const last = this.#jobs.get(id)
    this.forget(id)
    const times = last?.position === position ? last.times + 1 : 1
    const pauseMs = Math.min(firstPauseMs * 2 ** (times - 1), pauseMaxMs)
    const end = () => {
      noted.isOver = true
      this.#onTime()
    }
    const untilOver = setTimeout(end, pauseMs + overAfterMs).unref()
    const noted: NoRoom = { kind, position, times, pauseMs, isOver: false, untilOver }
    this.#jobs.set(id, noted)
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

  /** Forgets those that were not run again in time. @returns their ids */
  takeOver(isRunning: (jobId: string) => boolean): string[] {
    const over = [...this.#jobs].flatMap(([id, { isOver }]) => (isOver && !isRunning(id) ? id : []))
    for (const id of over) this.forget(id)
    return over
  }

  forget(jobId: string): void {
    clearTimeout(this.#jobs.get(jobId)?.untilOver)
    this.#jobs.delete(jobId)
  }

  close(): void {
    for (const { untilOver } of this.#jobs.values()) clearTimeout(untilOver)
  }
}

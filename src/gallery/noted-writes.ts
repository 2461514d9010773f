/**
 * All writes to galleries pass here: none is in progress while another set begins to serve, the ids they change are
 * noted for the gallery's other set, and the job they belong to has its progress recorded.
 */
import { ChangedIds } from './changed-ids.js'
import type { OpenSet } from './engine.js'
import { countsOf, type JobProgress, type ProgressKeeper } from './job-progress.js'
import type { ImageStep, StepResult } from './records.js'
import { WriteGates } from './write-gates.js'

export class NotedWrites {
  readonly #progress: ProgressKeeper
  readonly #changedMax: number
  readonly #gates = new WriteGates()
  /** By the name of a gallery that has another set. */
  readonly #followed = new Map<string, ChangedIds>()

  /** @param options.changedMax changed pictures that are noted individually */
  constructor({ progress, changedMax }: { progress: ProgressKeeper; changedMax: number }) {
    this.#progress = progress
    this.#changedMax = changedMax
  }

  /**
   * Ids are noted even if it is unknown whether the write succeeded.
   * @throws what `write` throws
   */
  pass<Result>(gallery: string, ids: readonly string[] | 'all', write: () => Promise<Result>): Promise<Result> {
    return this.#gates.pass(gallery, async () => {
      try {
        return await write()
      } finally {
        this.#followed.get(gallery)?.note(ids)
      }
    })
  }

  /**
   * Runs while no write of the gallery is in progress.
   * @throws what `work` throws; the signal's reason
   */
  whileClosed(gallery: string, work: () => Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    return this.#gates.whileClosed(gallery, work, signal)
  }

  /**
   * Steps of a job, whose progress is recorded in the same transaction if the engine stores it, and after them
   * otherwise.
   */
  async advance(
    { engine, opened }: { engine: string; opened: OpenSet },
    steps: readonly ImageStep[],
    progress: JobProgress | undefined,
  ): Promise<StepResult[]> {
    const { committedBy, advance } = this.#progress
    if (progress === undefined || committedBy.includes(engine)) return opened.change(steps, { progress })
    const results = await opened.change(steps)
    await advance(progress, countsOf(results))
    return results
  }

  /** From now on changes in the gallery are noted. The same object until `unfollow`. */
  follow(gallery: string): ChangedIds {
    let changed = this.#followed.get(gallery)
    if (changed === undefined) this.#followed.set(gallery, (changed = new ChangedIds(this.#changedMax)))
    return changed
  }

  /** @param changed as returned by `follow`, because another gallery may have the name by now */
  unfollow(gallery: string, changed = this.#followed.get(gallery)): void {
    if (this.#followed.get(gallery) === changed) this.#followed.delete(gallery)
  }

  /** Tells the follower of the gallery that it is gone. */
  end(gallery: string): void {
    this.#followed.get(gallery)?.note('all')
    this.#followed.delete(gallery)
  }
}

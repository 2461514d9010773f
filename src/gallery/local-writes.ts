/** Writes to galleries that only this process uses: gates and recorded changes are kept in memory. */
import type { Catalogue } from './catalogue.js'
import { ChangedIds } from './changed-ids.js'
import type { Changes } from './changes.js'
import { WriteGates } from './write-gates.js'
import type { Writes } from './writes.js'

export interface LocalWritesOptions {
  catalogue: Pick<Catalogue, 'serve'>
  /** Maximum changed pictures per gallery that are recorded individually. */
  changedMax: number
}

export class LocalWrites implements Writes {
  readonly #options: LocalWritesOptions
  readonly #gates = new WriteGates()
  /** By name of a gallery that has another set. */
  readonly #followed = new Map<string, ChangedIds>()

  constructor(options: LocalWritesOptions) {
    this.#options = options
  }

  pass<Result>(gallery: string, ids: readonly string[] | 'all', work: () => Promise<Result>): Promise<Result> {
    return this.#gates.pass(gallery, async () => {
      try {
        return await work()
      } finally {
        this.#followed.get(gallery)?.note(ids)
      }
    })
  }

  whileClosed<Result>(
    gallery: string,
    work: (serve: Catalogue['serve']) => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result> {
    const serve: Catalogue['serve'] = (setUid, about) => this.#options.catalogue.serve(setUid, about)
    return this.#gates.whileClosed(gallery, () => work(serve), signal)
  }

  /** A gallery has at most one other set, so its uid does not matter. */
  follow(gallery: string): ChangedIds {
    let changed = this.#followed.get(gallery)
    if (changed === undefined) this.#followed.set(gallery, (changed = new ChangedIds(this.#options.changedMax)))
    return changed
  }

  unfollow(gallery: string, changes: Changes): void {
    if (this.#followed.get(gallery) === changes) this.#followed.delete(gallery)
  }

  forget(gallery: string): void {
    // its follower will find that it is gone
    this.#followed.get(gallery)?.note('all')
    this.#followed.delete(gallery)
  }
}

/**
 * Coordinates writes to galleries with the switch to another set, in this process or in several that share galleries.
 */
import type { Catalogue } from './catalogue.js'
import type { Changes } from './changes.js'

export interface Writes {
  /**
   * Performs a write, after waiting while its gallery is closed. The changes are recorded for the gallery's other set,
   * if there is one, even if it is unknown whether the write succeeded.
   * @param ids that are changed; `all` if unknown
   * @throws what `work` throws; AlikeError `store_unreachable` if it is unknown whether it succeeded
   */
  pass<Result>(gallery: string, ids: readonly string[] | 'all', work: () => Promise<Result>): Promise<Result>

  /**
   * Runs the work while no write of the gallery is in progress and none begins. One at a time per gallery.
   * @param work receives the catalogue's `serve`, which succeeds only if the gallery has been closed until then
   * @param signal ends the wait for writes in progress
   * @throws what `work` throws; the signal's reason
   */
  whileClosed<Result>(
    gallery: string,
    work: (serve: Catalogue['serve']) => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result>

  /** Changes in the gallery from now on, for this set. Returns the same object until `unfollow`. */
  follow(gallery: string, setUid: string): Changes

  /** @param changes as returned by `follow`; another gallery may have the name by now */
  unfollow(gallery: string, changes: Changes): void

  /** The gallery has been deleted. */
  forget(gallery: string): void

  /**
   * Defined if other processes may write to the galleries too. `hold` is exclusive among processes: `sets` for changing
   * which sets a gallery has, `mirror` for writing to its other one, `removals` (of no gallery) for freeing removed sets,
   * `decisions` (by name of a decision instead of a gallery) for applying or revoking it, `image` (by gallery and id) for changes
   * that depend on what is stored.
   */
  readonly shared?: SharedWrites | undefined
}

export type Held = 'sets' | 'mirror' | 'removals' | 'decisions' | 'image'

export interface HeldLock {
  /** False if it was lost: another process may have held it since. */
  isHeld(): Promise<boolean>
  /** Returns what `isHeld` would have returned. */
  release(): Promise<boolean>
}

export interface SharedWrites {
  /**
   * All of them or none.
   * @returns undefined if one of them is held already
   * @throws AlikeError `store_unreachable`
   */
  hold(what: Held, ...names: string[]): Promise<HeldLock | undefined>
  /** Complete sets that are not serving, over all galleries. @throws AlikeError `store_unreachable` */
  setsBeside(): Promise<{ gallery: string; setUid: string }[]>
}

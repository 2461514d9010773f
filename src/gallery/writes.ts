/** How writes of galleries go together with another set beginning to serve one, in this process or in several that share them. */
import type { Catalogue } from './catalogue.js'
import type { Changes } from './changes.js'

export interface Writes {
  /**
   * A write, which waits while its gallery is closed. What it changes is noted for the gallery's other set, where it has one,
   * also when it cannot be told whether it was changed.
   * @param ids that are changed; `all`: which ones is not known
   * @throws what `work` throws; AlikeError `store_unreachable`: it is not known whether it holds
   */
  pass<Result>(gallery: string, ids: readonly string[] | 'all', work: () => Promise<Result>): Promise<Result>

  /**
   * Does the work while no write of the gallery is under way and none begins. One at a time for each gallery.
   * @param work is given the `serve` of the catalogue that holds only if the gallery was closed until then
   * @param signal ends the wait for writes that are under way
   * @throws what `work` throws; the signal's reason
   */
  whileClosed<Result>(
    gallery: string,
    work: (serve: Catalogue['serve']) => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result>

  /** What is changed in the gallery from now on, for this set. The same again until `unfollow`. */
  follow(gallery: string, setUid: string): Changes

  /** @param changes as `follow` gave them; another gallery may have the name by now */
  unfollow(gallery: string, changes: Changes): void

  /** The gallery is gone. */
  forget(gallery: string): void

  /**
   * Other processes may write to the galleries, too. `hold` is then had by one process at a time: `sets` by who changes which
   * sets a gallery has, `mirror` by who writes into its other one.
   */
  readonly shared?: SharedWrites | undefined
}

export type Held = 'sets' | 'mirror'

export interface SharedWrites {
  /** @returns gives it back; undefined where another process has it @throws AlikeError `store_unreachable` */
  hold(what: Held, gallery: string): Promise<(() => Promise<void>) | undefined>
  /** Complete sets that do not serve, of all galleries. @throws AlikeError `store_unreachable` */
  setsBeside(): Promise<{ gallery: string; setUid: string }[]>
}

/** What the interfaces of galleries and jobs are implemented on (`stored-*.ts`). */
import type { GalleryStore } from './gallery-store.js'

export interface StoreAccess {
  store: GalleryStore
  /** The current time, ISO 8601. */
  now(): string
  /** Starts a write, or refuses it. @throws AlikeError `overloaded`, `shutting_down` */
  write<Result>(write: () => Promise<Result>): Promise<Result>
}

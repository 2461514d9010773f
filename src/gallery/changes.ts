/** What was changed in the set that serves a gallery and has to be brought to its other one. */

export interface Changes {
  /** Until they are taken. @param ids `all`: which ones is not known */
  note(ids: readonly string[] | 'all'): void | Promise<void>
  isEmpty(): boolean | Promise<boolean>
  /** Those noted first, up to `limit`; or that all of them are to be compared. */
  take(limit: number): TakenChanges | Promise<TakenChanges>
  /** Resolves when something may be noted, or at the signal. */
  waiting(signal: AbortSignal): Promise<void>
  reading(): ChangesReading | Promise<ChangesReading>
}

/** One of the two is called. */
export interface TakenChanges {
  ids: readonly string[] | 'all'
  /** They were brought; what was noted again meanwhile still waits. */
  done(): void | Promise<void>
  /** They were not, and wait as before. */
  undo(): void
}

export interface ChangesReading {
  /** Ids that wait; a comparison of everything counts as one. */
  count: number
  /** Since when the first of them waits, in milliseconds of the epoch; undefined: nothing waits. */
  since: number | undefined
}

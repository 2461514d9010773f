/** Changes in a gallery's serving set that must be applied to its other one. */
import { nfc } from '../text.js'

export interface Changes {
  /** Records changes until they are taken. @param ids in any Unicode form; `all` if unknown */
  note(ids: readonly string[] | 'all'): void | Promise<void>
  isEmpty(): boolean | Promise<boolean>
  /** The oldest changes, up to `limit`; or that everything must be compared. */
  take(limit: number): TakenChanges | Promise<TakenChanges>
  /** Resolves when something may have been recorded, or when the signal is aborted. */
  waiting(signal: AbortSignal): Promise<void>
  reading(): ChangesReading | Promise<ChangesReading>
}

/** The caller must call one of the two. */
export interface TakenChanges {
  ids: readonly string[] | 'all'
  /** They have been applied; what was recorded again in the meantime still waits. */
  done(): void | Promise<void>
  /** They have not been applied, and wait as before. */
  undo(): void
}

export interface ChangesReading {
  /** Waiting ids; a comparison of everything counts as one. */
  count: number
  /** Since when the oldest has waited, in milliseconds of the epoch; undefined if nothing waits. */
  since: number | undefined
}

/** As callers gave them, and as new pictures are stored under them: older ones are stored as they were sent. */
export function inBothForms(ids: readonly string[]): string[] {
  return [...new Set(ids.flatMap((id) => [id, nfc(id)]))]
}

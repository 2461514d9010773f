/**
 * Since when the files of a watched folder have been as they are, by this process's own clock: clocks of network drives
 * may be wrong.
 */
import type { FoundFile } from './folder-scan.js'

/** `touched` of a file that is gone. */
export const goneState = 'gone'

interface Sighting {
  touched: string
  since: number
}

export class Sightings {
  /** Of the last scan that has ended. */
  #before = new Map<string, Sighting>()
  #seen = new Map<string, Sighting>()

  beginScan(): void {
    this.#seen = new Map()
  }

  /** Notes what the current scan has found. @returns for how long it has been so, in milliseconds */
  note({ path, touched }: Pick<FoundFile, 'path' | 'touched'>, now: number): number {
    const before = this.#before.get(path)
    const since = before?.touched === touched ? before.since : now
    this.#seen.set(path, { touched, since })
    return now - since
  }

  /** Called when all files of a scan are noted; files that are not are forgotten. */
  endScan(): void {
    this.#before = this.#seen
  }

  /** At the last scan that has ended. */
  touchedOf(path: string): string | undefined {
    return this.#before.get(path)?.touched
  }
}

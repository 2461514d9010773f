/**
 * Parts of a watched folder that one scan could not look into: files that cannot be examined, folders that cannot be
 * read, and drives that are mounted below the folder and of which nothing is left, like the folder itself when its drive
 * is missing. Files in them count neither as there nor as gone.
 */
import type { AlikeError } from '../../errors.js'
import { foldersAbove, goneFiles } from './gone-files.js'

/** They are remembered together, in one line. */
const mountsMax = 100

export class ClosedParts {
  readonly #reasons = new Map<string, string>()
  /** Drives of this scan, and those that are missing. */
  readonly #mounts = new Set<string>()
  /** Drives of earlier scans in which no file has been found. */
  readonly #silent: Set<string>

  /** @param mounts folders in which drives were mounted during earlier scans */
  constructor(mounts: Iterable<string>) {
    this.#silent = new Set(mounts)
  }

  readonly addUnreadable = (path: string, { message }: AlikeError): void => {
    this.#reasons.set(path, message)
  }

  readonly addMount = (path: string): void => {
    this.#mounts.add(path)
  }

  addFound(path: string): void {
    if (this.#silent.size > 0) for (const folder of foldersAbove(path)) this.#silent.delete(folder)
  }

  /**
   * Called at the end of the scan.
   * @param paths of the files that were found
   * @returns those that were taken and are gone
   */
  async gone(taken: Iterable<string>, paths: ReadonlySet<string>): Promise<string[]> {
    const closed = new Set([...this.#reasons.keys(), ...this.#silent])
    const { gone, keeping } = await goneFiles(taken, paths, closed)
    for (const path of this.#silent) {
      if (!keeping.has(path)) continue
      this.#mounts.add(path)
      if (!this.#reasons.has(path)) this.#reasons.set(path, 'A drive was mounted here, and no file is left of it.')
    }
    return gone
  }

  /** Folders in which drives are mounted, or files are expected to be once they are: the first ones, sorted. */
  get mounts(): string[] {
    return [...this.#mounts].sort().slice(0, mountsMax)
  }

  /** Sorted. */
  get reasons(): { path: string; reason: string }[] {
    return [...this.#reasons].map(([path, reason]) => ({ path, reason })).sort((a, b) => (a.path < b.path ? -1 : 1))
  }
}

/**
 * Files of a watched folder that a job could not take. One that it could not read, perhaps because another program or
 * another user's rights keep it closed, is opened again at growing intervals, and handed to a job once that succeeds; one
 * for which the gallery had no room, once there is some: otherwise a closed file or a full gallery would fill the list of
 * jobs. Both are handed over once they have changed in any way, their rights included.
 */
import type { JobRecord } from '../../jobs/job.js'
import type { JobStore } from '../../jobs/job-store.js'
import { shownName } from '../names.js'
import type { FoundFile } from './folder-scan.js'
import { prefixed, type WatchedFolder } from './watched-folders.js'

type SeenFile = Pick<FoundFile, 'path' | 'touched'>

const firstPauseMs = 60_000
const pauseMaxMs = 3_600_000
const linesAtOnce = 1_000

export class RefusedFiles {
  readonly #files = new Map<string, { touched: string; pauseMs: number; until: number }>()
  /** Those for which the gallery was full, by what they were like then. */
  readonly #beyondLimit = new Map<string, string>()
  readonly #isReadable: (path: string) => Promise<boolean>

  constructor(isReadable: (path: string) => Promise<boolean>) {
    this.#isReadable = isReadable
  }

  /** Called when a job has ended. @param code of the file's error; undefined if the job took it */
  note(file: SeenFile, code: string | undefined, now: number): void {
    if (code === 'gallery_full') this.#beyondLimit.set(file.path, file.touched)
    else this.#beyondLimit.delete(file.path)
    if (code === 'source_unreadable') this.#retryLater(file, now)
    else this.#files.delete(file.path)
  }

  waitsForRoom({ path, touched }: SeenFile): boolean {
    return this.#beyondLimit.get(path) === touched
  }

  /** Whether it is to be left alone. */
  async rests(file: SeenFile, now: number): Promise<boolean> {
    const refused = this.#files.get(file.path)
    if (refused?.touched !== file.touched) return false
    if (now < refused.until) return true
    if (await this.#isReadable(file.path)) return false
    this.#retryLater(file, now)
    return true
  }

  /** Forgets those that are gone. */
  keep(paths: ReadonlySet<string>): void {
    for (const files of [this.#files, this.#beyondLimit])
      for (const path of files.keys()) if (!paths.has(path)) files.delete(path)
  }

  #retryLater({ path, touched }: SeenFile, now: number): void {
    const before = this.#files.get(path)
    const pauseMs = before?.touched === touched ? Math.min(2 * before.pauseMs, pauseMaxMs) : firstPauseMs
    this.#files.set(path, { touched, pauseMs, until: now + pauseMs })
  }
}

/** Whether a file with this error may be taken as it is, later: it was locked, changed, or the gallery full. */
export function mayBeTakenLater(code: string | undefined): boolean {
  return code === 'source_unreadable' || code === 'gallery_full'
}

/** Those of the paths that the job did not take, with the codes of its errors. */
export async function refusedBy(
  { id, failed, skipped }: Pick<JobRecord, 'id' | 'failed' | 'skipped'>,
  paths: Iterable<string>,
  { watched, store }: { watched: Pick<WatchedFolder, 'prefix'>; store: Pick<JobStore, 'errors'> },
): Promise<ReadonlyMap<string, string>> {
  const codes = new Map<string, string>()
  for (let fromItem = 0, isMore = failed + skipped > 0; isMore; ) {
    const lines = await store.errors(id, { fromItem, limit: linesAtOnce })
    for (const { code, name } of lines) codes.set(name, code)
    isMore = lines.length > 0
    fromItem = (lines.at(-1)?.item ?? 0) + 1
  }
  const refused = new Map<string, string>()
  for (const path of paths) {
    const code = codes.get(shownName(prefixed(watched, path)))
    if (code !== undefined) refused.set(path, code)
  }
  return refused
}

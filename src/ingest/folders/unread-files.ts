/**
 * Files of a watched folder that a job could not read, perhaps because another program or another user's rights keep
 * them closed, or for which the gallery had no room: each is tried again at growing intervals, or once it has changed in
 * any way, its rights included.
 */
import type { JobRecord } from '../../jobs/job.js'
import type { JobStore } from '../../jobs/job-store.js'
import { shownName } from '../names.js'
import type { FoundFile } from './folder-scan.js'
import { prefixed, type WatchedFolder } from './watched-folders.js'

type SeenFile = Pick<FoundFile, 'path' | 'touched'>

const pauseFirstMs = 60_000
const pauseMaxMs = 3_600_000
const linesAtOnce = 1_000
const retriedCodes = ['source_unreadable', 'gallery_full']

export class UnreadFiles {
  readonly #files = new Map<string, { touched: string; pauseMs: number; until: number }>()

  add({ path, touched }: SeenFile, now: number): void {
    const before = this.#files.get(path)
    const pauseMs = before?.touched === touched ? Math.min(2 * before.pauseMs, pauseMaxMs) : pauseFirstMs
    this.#files.set(path, { touched, pauseMs, until: now + pauseMs })
  }

  /** Whether it is to be left alone. */
  rests({ path, touched }: SeenFile, now: number): boolean {
    const file = this.#files.get(path)
    return file !== undefined && file.touched === touched && now < file.until
  }

  /** Forgets those that are gone. */
  keep(paths: ReadonlySet<string>): void {
    for (const path of this.#files.keys()) if (!paths.has(path)) this.#files.delete(path)
  }
}

/** Those of the paths that the job reports as unreadable, changed or gone when their turn came, or without room. */
export async function unreadBy(
  { id, failed, skipped }: Pick<JobRecord, 'id' | 'failed' | 'skipped'>,
  paths: Iterable<string>,
  { watched, store }: { watched: Pick<WatchedFolder, 'prefix'>; store: Pick<JobStore, 'errors'> },
): Promise<ReadonlySet<string>> {
  const names = new Set<string>()
  for (let fromItem = 0, isMore = failed + skipped > 0; isMore; ) {
    const lines = await store.errors(id, { fromItem, limit: linesAtOnce })
    for (const { code, name } of lines) if (retriedCodes.includes(code)) names.add(name)
    isMore = lines.length > 0
    fromItem = (lines.at(-1)?.item ?? 0) + 1
  }
  return new Set([...paths].filter((path) => names.has(shownName(prefixed(watched, path)))))
}

/**
 * Watches one folder: scans it periodically, waits until new and changed files have settled, and hands them to a job.
 * Scanning works on every file system, including network drives; the next job is created when the previous one has
 * ended. Longer than most files because it is the whole life of a watch, whose parts are in files of their own.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { AlikeError, type ErrorCode, hasCode } from '../../errors.js'
import type { Galleries } from '../../gallery/galleries.js'
import type { JobRecord } from '../../jobs/job.js'
import type { Jobs } from '../../jobs/jobs.js'
import type { FolderScanOutcome } from '../../metrics/intake.js'
import type { Ingest } from '../ingest.js'
import type { FolderChange } from '../sources/folder-files.js'
import { ClosedParts } from './closed-parts.js'
import { isReadable } from './file-in-place.js'
import { FolderMemory } from './folder-memory.js'
import { scanFolder } from './folder-scan.js'
import { expectFilled, inTurns, withoutNamesakes } from './gone-files.js'
import { mayBeTakenLater, RefusedFiles, refusedBy } from './refused-files.js'
import { goneState, Sightings } from './sightings.js'
import type { WatchedFolder } from './watched-folders.js'

export interface FolderWatchOptions {
  watched: WatchedFolder
  dataDir: string
  ingest: Pick<Ingest, 'accept'>
  jobs: Pick<Jobs, 'report' | 'store'>
  galleries: Pick<Galleries, 'sets' | 'images' | 'readOnly'>
  /** Interval between scans; up to ten times as long if a scan takes more than a tenth of it. */
  everyMs: number
  /** A file is taken once it has been unchanged for this long. */
  settleMs: number
  /** Whether files removed from the folder are removed from the gallery. */
  removes: boolean
  filesMax: number
  onScan(outcome: FolderScanOutcome): void
  logger: FolderWatchLogger
}

export interface FolderWatchLogger {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

export interface FolderReading extends Pick<WatchedFolder, 'gallery' | 'prefix'> {
  /** Number of files taken. */
  taken: number
  /** Files that were new or changed in the last scan, plus files that were gone. */
  waiting: number
}

/** Maximum per job: keeps its effects visible, and a crash repeats little. */
const changesMax = 10_000
const rarerMax = 10
/** In one line of the log. */
const closedNamedMax = 10
const jobPollMs = 500
/** Pause after a job that failed as a whole or was cancelled; doubles each time. */
const firstPauseMs = 60_000
const pauseMaxMs = 3_600_000

export class FolderWatch {
  readonly #options: FolderWatchOptions
  readonly #ending = new AbortController()
  readonly #ended: Promise<void>
  readonly #sightings = new Sightings()
  #refused: RefusedFiles
  #memory: FolderMemory | undefined
  #waiting = 0
  /** Duration of the last scan. */
  #scanMs = 0
  #pauseMs = firstPauseMs
  #warnedOf: ErrorCode | undefined
  /** Parts that the last scan could not look into. */
  #closed: readonly string[] = []

  constructor(options: FolderWatchOptions) {
    this.#options = options
    this.#refused = this.#noneRefused()
    this.#ended = this.#watch()
  }

  get reading(): FolderReading {
    const { gallery, prefix } = this.#options.watched
    return { gallery, prefix, taken: this.#memory?.count ?? 0, waiting: this.#waiting }
  }

  /** A running job continues, or resumes at the next start. */
  async close(): Promise<void> {
    this.#ending.abort()
    await this.#ended
  }

  async #watch(): Promise<void> {
    const { signal } = this.#ending
    while (!signal.aborted) {
      let pauseMs = 0
      try {
        pauseMs = await this.#round(signal)
        this.#options.onScan(this.#closed.length === 0 ? 'done' : 'incomplete')
        this.#warnedOf = undefined
      } catch (error) {
        if (signal.aborted) return
        this.#options.onScan('failed')
        this.#warn(error)
      }
      const { everyMs } = this.#options
      const nextMs = Math.max(everyMs, Math.min(9 * this.#scanMs, rarerMax * everyMs), pauseMs)
      await sleep(nextMs, undefined, { signal }).catch(() => {})
    }
  }

  /** @returns the minimum time until the next attempt */
  async #round(signal: AbortSignal): Promise<number> {
    const { watched, dataDir, galleries } = this.#options
    const { galleryUid } = await galleries.sets.serving(watched.gallery)
    if (this.#memory?.galleryUid !== galleryUid) {
      this.#memory = await FolderMemory.open(dataDir, watched, galleryUid)
      this.#refused = this.#noneRefused() // an earlier gallery of this name did
    }
    const memory = this.#memory
    if (memory.jobId !== null) return this.#finish(memory, memory.jobId, signal)
    const changes = await this.#changes(memory, signal)
    return changes.length === 0 ? 0 : this.#hand(memory, changes, signal)
  }

  /** Settled files whose state in the folder differs from the gallery. */
  async #changes(memory: FolderMemory, signal: AbortSignal): Promise<FolderChange[]> {
    const { watched, galleries, filesMax, settleMs } = this.#options
    this.#sightings.beginScan()
    const paths = new Set<string>()
    const settled: FolderChange[] = []
    const beyondLimit: FolderChange[] = []
    const max = Math.min(changesMax, filesMax) // an upload may have no more lines than files
    const now = performance.now()
    let unsettled = 0
    const parts = new ClosedParts(memory.mounts)
    const noting = { onUnreadable: parts.addUnreadable, onMount: parts.addMount }
    for await (const file of scanFolder(watched.folder, { filesMax, signal, ...noting })) {
      paths.add(file.path)
      parts.addFound(file.path)
      if (memory.has(file.path, file.stamp) || (await this.#refused.rests(file, now))) continue
      const ageMs = this.#sightings.note(file, now)
      const { path, stamp, bytes } = file
      const ready = this.#refused.waitsForRoom(file) ? beyondLimit : settled
      if (ageMs >= settleMs && ready.length < max) ready.push({ path, stamp, bytes })
      else unsettled += 1
    }
    this.#scanMs = performance.now() - now
    this.#refused.keep(paths)
    const gone = await parts.gone(memory.paths(), paths)
    await this.#noteParts(memory, parts)
    const removed = await this.#removed(memory, { gone, paths, now })
    this.#sightings.endScan()
    const removals = removed.settled.slice(0, max).map((path) => ({ path, gone: true as const }))
    this.#waiting = unsettled + removed.unsettled + settled.length + beyondLimit.length + removals.length
    // they make room in a full gallery, in which any number of files may wait for it
    const room = beyondLimit.length === 0 ? 0 : removals.length + (await galleries.images.room(watched.gallery))
    return [...removals, ...beyondLimit.slice(0, Math.max(0, room)), ...settled].slice(0, max)
  }

  /**
   * Files whose pictures are to be removed, once they have been gone for long enough: one may be missing for a moment,
   * while it is saved anew. Others that are gone are forgotten.
   */
  async #removed(
    memory: FolderMemory,
    { gone, paths, now }: { gone: readonly string[]; paths: ReadonlySet<string>; now: number },
  ): Promise<{ settled: string[]; unsettled: number }> {
    const { removes, settleMs } = this.#options
    if (removes) expectFilled(gone, paths)
    const [settled, forgotten]: [string[], string[]] = [[], []]
    let unsettled = 0
    for await (const path of inTurns(gone)) {
      if (!removes || memory.isNoPicture(path)) forgotten.push(path)
      else if (this.#sightings.note({ path, touched: goneState }, now) >= settleMs) settled.push(path)
      else unsettled += 1
    }
    // an empty folder may be one whose drive is not mounted: its files would all be read again once it is
    if (paths.size > 0) memory.forget(forgotten)
    return { settled: await withoutNamesakes(settled, paths), unsettled }
  }

  /** Logs closed parts once, because scans are frequent. */
  async #noteParts(memory: FolderMemory, { mounts, reasons }: ClosedParts): Promise<void> {
    const closed = reasons.map(({ path }) => path)
    if (closed.length > 0 && !isDeepStrictEqual(closed, this.#closed))
      this.#options.logger.warn(
        { ...this.#options.watched, closed: closed.length, first: reasons.slice(0, closedNamedMax) },
        'parts of a watched folder cannot be read; their files count neither as new nor as gone',
      )
    this.#closed = closed
    if (isDeepStrictEqual(mounts, memory.mounts)) return
    this.#expectRoom()
    await memory.keepMounts(mounts)
  }

  async #hand(memory: FolderMemory, changes: FolderChange[], signal: AbortSignal): Promise<number> {
    const { watched, ingest } = this.#options
    this.#expectRoom()
    const id = randomUUID()
    await memory.expect(
      id,
      changes.flatMap((change) => ('gone' in change ? [] : [[change.path, change.stamp] as const])),
    )
    try {
      const { gallery, ...place } = watched
      await ingest.accept({ id, gallery, content: { ...place, changes } })
    } catch (error) {
      this.#expectRoom()
      await memory.settle({ taken: () => false, removed: [] })
      throw error
    }
    const gone = changes.flatMap((change) => ('gone' in change ? [change.path] : []))
    return this.#finish(memory, id, signal, gone)
  }

  #noneRefused(): RefusedFiles {
    return new RefusedFiles((path) => isReadable(this.#options.watched.folder, path))
  }

  /** Waits for a job of this process or a previous one to end. */
  async #finish(memory: FolderMemory, jobId: string, signal: AbortSignal, gone: string[] = []): Promise<number> {
    let job: JobRecord | undefined
    for (;;) {
      job = await this.#jobOf(jobId)
      if (job === undefined || job.finishedAt !== null) break
      await sleep(jobPollMs, undefined, { signal })
    }
    this.#expectRoom()
    // an unknown job was never created, or has ended and was deleted: anything it stored is skipped next time
    const isDone =
      job !== undefined &&
      (['succeeded', 'completed_with_errors'].includes(job.state) || job.failure?.code === 'job_items_failed')
    const { watched, jobs } = this.#options
    const codes = job
      ? await refusedBy(job, memory.pending(), { watched, store: jobs.store })
      : new Map<string, string>()
    // what a job reported before it failed is known: pictures over which the process dies would end each further job
    const isKnown = (path: string) => isDone || codes.has(path)
    for (const path of memory.pending()) {
      const touched = this.#sightings.touchedOf(path)
      if (touched !== undefined && isKnown(path))
        this.#refused.note({ path, touched }, codes.get(path), performance.now())
    }
    await memory.settle({
      taken: (path) => isKnown(path) && !mayBeTakenLater(codes.get(path)),
      refused: (path) => codes.has(path),
      removed: isDone ? gone : [],
    })
    this.#waiting = 0
    if (isDone || job === undefined) {
      this.#pauseMs = firstPauseMs
      return 0
    }
    const pauseMs = this.#pauseMs
    this.#pauseMs = Math.min(2 * pauseMs, pauseMaxMs)
    return pauseMs
  }

  /** The last room is kept for deletions. @throws AlikeError `storage_full` */
  #expectRoom(): void {
    const { readOnly } = this.#options.galleries
    if (readOnly !== undefined) throw new AlikeError('storage_full', { detail: readOnly })
  }

  async #jobOf(jobId: string): Promise<JobRecord | undefined> {
    try {
      return (await this.#options.jobs.report(jobId)).job
    } catch (error) {
      if (hasCode(error, 'job_not_found')) return undefined
      throw error
    }
  }

  /** Logs each reason once, because scans are frequent. */
  #warn(error: unknown): void {
    const { watched, logger } = this.#options
    const code = error instanceof AlikeError ? error.code : 'internal'
    if (code === this.#warnedOf) return
    this.#warnedOf = code
    const isPlain = error instanceof AlikeError && error.cause === undefined
    const reason = isPlain ? { code, reason: error.message } : { err: error }
    logger.warn({ ...reason, ...watched }, 'a watched folder could not be ingested; retrying later')
  }
}

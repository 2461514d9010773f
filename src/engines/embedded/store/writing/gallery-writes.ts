/**
 * What the writer thread changes, each change as a step of a transaction that it holds open: the tables, and what concerns
 * several of them.
 */
import type { StoredDecision } from '../../../../gallery/decisions.js'
import type { FeedbackCounts } from '../../../../gallery/feedback.js'
import type { JobProgress, StoredCounts } from '../../../../gallery/job-progress.js'
import type { LayoutAbout } from '../../../../gallery/layout.js'
import type { JobRecord } from '../../../../jobs/job.js'
import type { JobResult } from '../../../../jobs/job-store.js'
import { CatalogueWrites } from '../catalogue/catalogue-writes.js'
import { GalleryTable } from '../catalogue/gallery-table.js'
import { RemovedSetTable } from '../catalogue/removed-set-table.js'
import { SetTable } from '../catalogue/set-table.js'
import type { Database } from '../database/database.js'
import { LayoutTable, type NewPoints } from '../images/layout-table.js'
import { OriginalTable } from '../images/original-table.js'
import { SetImages } from '../images/set-images.js'
import { JobTable } from '../jobs/job-table.js'
import { DecisionTable, type NewDecisionRow } from '../judgements/decision-table.js'
import { type FeedbackRequest, FeedbackTable } from '../judgements/feedback-table.js'

/** Rows of each kind removed per step: a few milliseconds, so that no write waits long. */
const purgeLimit = 200

export class GalleryWrites {
  readonly catalogue: CatalogueWrites
  readonly images: SetImages
  readonly jobs: JobTable
  readonly originals: OriginalTable
  readonly decisions: DecisionTable
  readonly layouts: LayoutTable
  readonly #galleries: GalleryTable
  readonly #sets: SetTable
  readonly #feedback: FeedbackTable
  /** The last ones whose rows could not be removed, by number; 0: none since all of them were tried. */
  #failed = { set: 0, gallery: 0 }

  constructor(database: Database) {
    const [galleries, sets] = [new GalleryTable(database), new SetTable(database)]
    this.#galleries = galleries
    this.#sets = sets
    this.#feedback = new FeedbackTable(database)
    this.jobs = new JobTable(database)
    this.originals = new OriginalTable(database)
    this.decisions = new DecisionTable(database)
    this.layouts = new LayoutTable(database)
    this.catalogue = new CatalogueWrites({ galleries, sets, removedSets: new RemovedSetTable(database) })
    this.images = new SetImages(database, { galleries, sets, feedback: this.#feedback, jobs: this.jobs })
  }

  /** For steps that store no picture here. */
  advanceJob(progress: JobProgress, stored: StoredCounts): void {
    this.jobs.advance(progress, stored, this.#galleryOfJob(progress.jobId))
  }

  finishJob(id: string, result: JobResult, at: string): JobRecord {
    return this.jobs.finish(id, result, this.#galleryOfJob(id), at)
  }

  /** Uid of the gallery that now has the name of the job's gallery. */
  #galleryOfJob(id: string): string | undefined {
    const job = this.jobs.get(id)
    return job && this.#galleries.place(job.gallery)?.uid
  }

  /** All or nothing. */
  recordFeedback(request: FeedbackRequest): FeedbackCounts {
    this.#galleries.get(request.gallery)
    return this.#feedback.record(request)
  }

  /** Of what has been undone. */
  forgetCounts(): void {
    this.#feedback.forgetCounts()
  }

  /** Stored as unsettled. */
  addDecision(request: NewDecisionRow): StoredDecision {
    this.#galleries.get(request.gallery)
    return this.decisions.add(request)
  }

  /** @throws AlikeError `gallery_not_found` for a dropped set, whose row may be gone by now */
  addLayoutPoints(request: NewPoints): void {
    this.#sets.get(request.set)
    this.layouts.add(request)
  }

  /** @throws as `addLayoutPoints` */
  finishLayout(set: number, generation: number, about: LayoutAbout): void {
    this.#sets.get(set)
    this.layouts.finish(set, generation, about)
  }

  /**
   * Removes some rows of dropped sets and deleted galleries; false when none are left. After a failure the next call goes
   * on with another one, and only when there is none left to the same.
   */
  purge(): boolean {
    const set = this.#sets.nextDropped(this.#failed.set)
    if (set !== undefined) return this.#purge('set', set, [this.images, this.layouts], this.#sets)
    const gallery = this.#galleries.nextDeleted(this.#failed.gallery)
    if (gallery !== undefined) return this.#purge('gallery', gallery, [this.#feedback, this.decisions], this.#galleries)
    const areAllTried = this.#failed.set + this.#failed.gallery > 0
    this.#failed = { set: 0, gallery: 0 }
    return areAllTried
  }

  #purge(
    kind: 'set' | 'gallery',
    number: number,
    tables: readonly { purge(number: number, limit: number): boolean }[],
    rows: { erase(number: number): void },
  ): true {
    try {
      const more = tables.map((table) => table.purge(number, purgeLimit))
      if (!more.includes(true)) rows.erase(number)
      return true
    } catch (error) {
      this.#failed[kind] = number
      throw error
    }
  }
}

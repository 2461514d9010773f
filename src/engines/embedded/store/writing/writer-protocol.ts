/** Calls to the writer thread; each is answered after the commit. */
import type { CatalogueRecord, CatalogueSet, NewCatalogueSet, SetChange } from '../../../../gallery/catalogue.js'
import type { StoredDecision } from '../../../../gallery/decisions.js'
import type { FeedbackCounts } from '../../../../gallery/feedback.js'
import type { Filter } from '../../../../gallery/filter.js'
import type { GalleryChange } from '../../../../gallery/gallery-options.js'
import type { JobProgress, StoredCounts } from '../../../../gallery/job-progress.js'
import type { LayoutAbout } from '../../../../gallery/layout.js'
import type { ImageRecord } from '../../../../gallery/records.js'
import type { JobRecord, JobTrials } from '../../../../jobs/job.js'
import type { JobResult, JobRoom, JobSteering, JobTransition, NewJob, WebhookNote } from '../../../../jobs/job-store.js'
import type { SettledOriginals } from '../../../../originals/garbage.js'
import type { GalleryDeletion } from '../catalogue/catalogue-writes.js'
import type { NewGallery } from '../catalogue/gallery-table.js'
import type { NewPoints } from '../images/layout-table.js'
import type { ChangeOneRequest, ChangeRequest, SlotResult } from '../images/set-images.js'
import type { NewDecisionRow } from '../judgements/decision-table.js'
import type { FeedbackRequest } from '../judgements/feedback-table.js'

/** Start-up data of the thread. */
export interface WriterThreadData {
  path: string
  /** Maximum size of the file in bytes; 0 for no limit. */
  maxBytes: number
}

/** `gallery` and `set` are numbers; `at` is the time of the call, ISO 8601. */
export type WriterCalls = {
  /** The first call, repeated after `storage_full`: opens the file; replies with the version of its tables, 0 without any. */
  open: { request: undefined; reply: number }
  /** The second one: creates or migrates its tables. */
  migrate: { request: undefined; reply: void }
  createGallery: { request: NewGallery; reply: { gallery: CatalogueRecord; created: boolean } }
  changeGallery: { request: { name: string; change: GalleryChange }; reply: CatalogueRecord }
  /** Replies with the gallery's sets. */
  deleteGallery: { request: GalleryDeletion; reply: Pick<CatalogueSet, 'uid' | 'engine'>[] }
  addSet: { request: { set: NewCatalogueSet; at: string }; reply: CatalogueSet }
  changeSet: { request: { setUid: string; change: SetChange; at: string }; reply: CatalogueSet }
  serveSet: { request: { setUid: string; about: CatalogueSet['about']; at: string }; reply: void }
  removeSet: { request: { setUid: string; at: string }; reply: void }
  forgetRemoved: { request: { setUid: string }; reply: void }
  /**
   * Removes some rows of dropped sets and deleted galleries; false when nothing is left to do. `shrinks`: returns all
   * free pages to the file system, too.
   */
  purge: { request: { shrinks: boolean }; reply: boolean }
  changeImages: { request: ChangeRequest; reply: SlotResult[] }
  /** The same for one step; replies with the resulting record. */
  changeImage: { request: ChangeOneRequest; reply: { result: SlotResult; record: ImageRecord | undefined } }
  /** Removes those of the slots that match the filter at the time of the write. */
  deleteFitting: { request: { set: number; slots: Uint32Array; filter: Filter; at: string }; reply: Uint32Array }
  /** Adds copy descriptors to pictures stored without; replies with the number of those that still existed. */
  describeImages: { request: { set: number; described: { slot: number; descriptor: Uint8Array }[] }; reply: number }
  recordFeedback: { request: FeedbackRequest; reply: FeedbackCounts }
  addDecision: { request: NewDecisionRow; reply: StoredDecision }
  settleDecision: { request: { gallery: number; number: number }; reply: void }
  removeDecision: { request: { gallery: number; number: number }; reply: void }
  addLayoutPoints: { request: NewPoints; reply: void }
  finishLayout: { request: { set: number; generation: number; about: LayoutAbout }; reply: void }
  /** Points of other layouts; replies whether there were any. */
  dropLayoutPoints: { request: { set: number; generation: number; limit: number }; reply: boolean }
  createJob: {
    request: { job: NewJob; galleryUid: string; at: string; room: JobRoom | undefined }
    reply: { job: JobRecord; created: boolean }
  }
  transitionJob: { request: { id: string; transition: JobTransition; at: string }; reply: JobRecord }
  noteJob: { request: { id: string; trials: JobTrials }; reply: void }
  steerJob: { request: { id: string; steering: JobSteering }; reply: JobRecord }
  noteWebhook: { request: { id: string; next: WebhookNote }; reply: void }
  completeJob: { request: { id: string; total: number; at: string }; reply: JobRecord }
  advanceJob: { request: { progress: JobProgress; stored: StoredCounts }; reply: void }
  finishJob: { request: { id: string; result: JobResult; at: string }; reply: JobRecord }
  forgetOriginals: { request: SettledOriginals; reply: void }
  /** Some of them; replies with how many, and whether more are left. */
  forgetJobs: { request: { finishedBefore: string }; reply: { jobs: number; more: boolean } }
}

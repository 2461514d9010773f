/** Every change as a step of a transaction that the writer thread holds open. */

import { AlikeError } from '../../../errors.js'
import type { CatalogueRecord, CatalogueSet } from '../../../gallery/catalogue.js'
import type { StoredDecision } from '../../../gallery/decisions.js'
import type { FeedbackCounts } from '../../../gallery/feedback.js'
import type { Filter } from '../../../gallery/filter.js'
import type { GalleryChange } from '../../../gallery/gallery-options.js'
import type { JobProgress, StoredCounts } from '../../../gallery/job-progress.js'
import {
  type ImageChange,
  type ImageRecord,
  type ImageStep,
  type NewImage,
  type PutStep,
  referenceOf,
} from '../../../gallery/records.js'
import type { JobRecord } from '../../../jobs/job.js'
import type { JobResult } from '../../../jobs/job-store.js'
import { nfc } from '../../../text.js'
import type { Database } from './database.js'
import { DecisionTable, type NewDecisionRow } from './decision-table.js'
import { DescriptorTable } from './descriptor-table.js'
import { type FeedbackRequest, FeedbackTable } from './feedback-table.js'
import { GalleryTable, type NewGallery, recordOf } from './gallery-table.js'
import { ImageTable } from './image-table.js'
import { ImageWrites } from './image-writes.js'
import { JobTable } from './job-table.js'
import { LayoutTable } from './layout-table.js'
import { OriginalTable } from './original-table.js'
import { type SetRow, SetTable, slotsMax } from './set-table.js'
import { SetWrites } from './set-writes.js'

/** Rows of each kind removed per step: a few milliseconds, so that no write waits long. */
const purgeLimit = 200

export interface PutSlots {
  slot: number
  /** Slot of the picture that previously had this id. */
  retiredSlot?: number
  created: boolean
}

/** The effect of a step, and the slots involved. */
export type SlotResult = PutSlots | { unchanged: true } | { removedSlot: number } | { absent: true }

export interface ChangeRequest {
  set: number
  steps: readonly ImageStep[]
  /** Maximum live pictures in the set. */
  imagesMax: number
  progress?: JobProgress
  at: string
}

export interface PutRequest extends Omit<ChangeRequest, 'steps' | 'progress'> {
  step: PutStep
}

export class GalleryWrites {
  readonly jobs: JobTable
  readonly originals: OriginalTable
  readonly decisions: DecisionTable
  readonly layouts: LayoutTable
  readonly sets: SetWrites
  readonly #galleries: GalleryTable
  readonly #sets: SetTable
  readonly #images: ImageTable
  readonly #imageWrites: ImageWrites
  readonly #descriptors: DescriptorTable
  readonly #feedback: FeedbackTable

  constructor(database: Database) {
    this.jobs = new JobTable(database)
    this.originals = new OriginalTable(database)
    this.#galleries = new GalleryTable(database)
    this.#sets = new SetTable(database)
    this.sets = new SetWrites({ galleries: this.#galleries, sets: this.#sets })
    this.#images = new ImageTable(database, { damagedRecords: 'named' }) // replaced and removed like others
    this.#imageWrites = new ImageWrites(database, this.#images)
    this.#descriptors = new DescriptorTable(database)
    this.#feedback = new FeedbackTable(database)
    this.decisions = new DecisionTable(database)
    this.layouts = new LayoutTable(database)
  }

  /** Returns an existing gallery of the same name; the caller decides whether it is acceptable. */
  createGallery(gallery: NewGallery): { gallery: CatalogueRecord; created: boolean } {
    const existing = this.#galleries.find(gallery.name)
    if (existing !== undefined) return { gallery: recordOf(existing), created: false }
    return { gallery: recordOf(this.#galleries.insert(gallery)), created: true }
  }

  changeGallery(name: string, change: GalleryChange): CatalogueRecord {
    return recordOf(this.#galleries.change(name, change))
  }

  /** Frees the name at once; `purge` removes the rows. @returns the gallery's sets */
  deleteGallery(number: number, at: string): Pick<CatalogueSet, 'uid' | 'engine'>[] {
    const sets = this.#sets.placesOf(number)
    this.#galleries.release(number)
    this.#sets.releaseAll(number, at)
    return sets
  }

  changeImages({ set, steps, imagesMax, progress, at }: ChangeRequest): SlotResult[] {
    const row = this.#sets.get(set)
    const results = steps.map((step) => ('put' in step ? this.#put(row, step, at) : this.#remove(row, step.remove)))
    if (row.count > imagesMax && steps.some((step) => 'put' in step))
      throw new AlikeError('gallery_full', { detail: `The maximum is ${imagesMax} pictures.` })
    if (!results.every(isIdle)) this.#sets.save({ ...row, updated_at: at })
    if (progress !== undefined) this.jobs.advance(progress, countsOf(results), this.#galleries.get(row.gallery).uid)
    return results
  }

  /** Stores one picture and returns the resulting record. */
  putImage({ step, ...request }: PutRequest): { result: SlotResult; record: ImageRecord } {
    const [result] = this.changeImages({ ...request, steps: [step] })
    return { result: result!, record: this.#images.find(request.set, step.put.id)! }
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

  patchImage(set: number, id: string, { label, metadata }: ImageChange, at: string): void {
    this.#sets.get(set)
    const change = {
      ...(label !== undefined && { label: label && nfc(label) }),
      ...(metadata !== undefined && { metadata }),
    }
    if (!this.#imageWrites.change(set, id, change, at)) throw new AlikeError('image_not_found')
  }

  /** Keeps a picture that was changed after its slot was read and no longer matches. */
  deleteFitting(set: number, slots: Uint32Array, filter: Filter, at: string): Uint32Array {
    const row = this.#sets.get(set)
    const deleted = this.#images.fitting(set, slots, filter)
    for (const { id } of this.#images.hits(set, [...deleted]).values()) this.#forgetFeedback(row, id)
    for (const slot of deleted) this.#imageWrites.delete(set, slot)
    if (deleted.length > 0) this.#sets.save({ ...row, count: row.count - deleted.length, updated_at: at })
    return deleted
  }

  /** Adds descriptors to pictures that still exist and have none. @returns how many */
  describeImages(set: number, described: { slot: number; descriptor: Uint8Array }[]): number {
    return described.filter(({ slot, descriptor }) => this.#descriptors.add(set, slot, descriptor)).length
  }

  /** All or nothing. */
  recordFeedback(request: FeedbackRequest): FeedbackCounts {
    this.#galleries.get(request.gallery)
    return this.#feedback.record(request)
  }

  /** Stored as unsettled. */
  addDecision(request: NewDecisionRow): StoredDecision {
    this.#galleries.get(request.gallery)
    return this.decisions.add(request)
  }

  /** Removes some rows of dropped sets and deleted galleries; false when none are left. */
  purge(): boolean {
    const set = this.#sets.nextDropped()
    if (set !== undefined) {
      const more = [this.#imageWrites, this.layouts].map((table) => table.purge(set, purgeLimit))
      if (!more.includes(true)) this.#sets.erase(set)
      return true
    }
    const gallery = this.#galleries.nextDeleted() // its sets are gone
    if (gallery === undefined) return false
    const more = [this.#feedback, this.decisions].map((table) => table.purge(gallery, purgeLimit))
    if (!more.includes(true)) this.#galleries.erase(gallery)
    return true
  }

  /** Removes judgements of a picture that was removed or visibly replaced. */
  #forgetFeedback(set: SetRow, id: string): void {
    if (this.#galleries.get(set.gallery).serving === set.number) this.#feedback.forget(set.gallery, id)
  }

  /**
   * Resolves omitted values from what is stored now, and normalises the text. Counts in `row`, which the caller saves.
   */
  #put(row: SetRow, { put: image, unlessSame = false }: PutStep, at: string): PutSlots | { unchanged: true } {
    const found = this.#images.stored(row.number, image.id)
    const former = found?.record
    const { label = former?.label ?? null, metadata = former?.metadata ?? {} } = image
    const reference = referenceOf(image, former)
    const said = { ...image, id: former?.id ?? nfc(image.id), label: label && nfc(label), metadata, reference }
    if (unlessSame && former !== undefined && isSame(former, said)) return { unchanged: true }
    if (found !== undefined) this.#imageWrites.delete(row.number, found.slot)
    else row.count++
    // judgements of the former picture do not apply to this one
    if (former !== undefined && former.contentHash !== said.contentHash) this.#forgetFeedback(row, former.id)
    const slot = row.next_slot++
    if (slot >= slotsMax) throw new AlikeError('gallery_full', { detail: 'It has used up its slots.' })
    this.#imageWrites.insert(row.number, {
      ...said,
      slot,
      createdAt: (image.updatedAt && image.createdAt) || former?.createdAt || image.createdAt || at,
      updatedAt: image.updatedAt || at,
    })
    return found === undefined ? { slot, created: true } : { slot, created: false, retiredSlot: found.slot }
  }

  /** Counts in `row`, which the caller saves. */
  #remove(row: SetRow, id: string): { removedSlot: number } | { absent: true } {
    const found = this.#images.stored(row.number, id)
    if (found === undefined) return { absent: true }
    this.#imageWrites.delete(row.number, found.slot)
    this.#forgetFeedback(row, found.record.id)
    row.count--
    return { removedSlot: found.slot }
  }
}

function isSame(
  former: ImageRecord,
  said: Pick<NewImage, 'contentHash' | 'modelId' | 'label' | 'metadata' | 'reference'>,
): boolean {
  const { contentHash, modelId, label, metadata, reference } = said
  // Both came through JSON and keep the order of members as sent.
  return (
    former.contentHash === contentHash &&
    former.modelId === modelId &&
    former.label === label &&
    former.reference === reference &&
    JSON.stringify(former.metadata) === JSON.stringify(metadata)
  )
}

function isIdle(result: SlotResult): boolean {
  return 'unchanged' in result || 'absent' in result
}

function countsOf(results: SlotResult[]): StoredCounts {
  const counts = { added: 0, updated: 0, removed: 0, idle: 0 }
  for (const result of results) {
    if ('slot' in result) counts[result.created ? 'added' : 'updated'] += 1
    else counts[isIdle(result) ? 'idle' : 'removed'] += 1
  }
  return counts
}

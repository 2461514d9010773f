/** Changes to the pictures of a set, each as a step of a transaction that the writer thread holds open. */
import { AlikeError } from '../../../../errors.js'
import type { Filter } from '../../../../gallery/filter.js'
import { countsOf, type JobProgress, withRefusals } from '../../../../gallery/job-progress.js'
import { mergedMetadata } from '../../../../gallery/merged-metadata.js'
import { holds, preconditionFailed } from '../../../../gallery/precondition.js'
import {
  type ImageRecord,
  type ImageStep,
  idOfStep,
  isMeant,
  isSameImage,
  type PatchStep,
  type PutImage,
  type PutResult,
  type PutStep,
  type RemoveStep,
  referenceOf,
  type StepResult,
  storedTexts,
} from '../../../../gallery/records.js'
import { nfc } from '../../../../text.js'
import type { GalleryTable } from '../catalogue/gallery-table.js'
import { type SetRow, type SetTable, slotsMax } from '../catalogue/set-table.js'
import type { Database } from '../database/database.js'
import type { JobTable } from '../jobs/job-table.js'
import type { FeedbackTable } from '../judgements/feedback-table.js'
import { DescriptorTable } from './descriptor-table.js'
import { damagedRecord, isWhole, recordOf, slotOf } from './image-row.js'
import { ImageTable } from './image-table.js'
import { ImageWrites } from './image-writes.js'

export interface PutSlots {
  slot: number
  /** Slot of the picture that previously had this id. */
  retiredSlot?: number
  created: boolean
}

/** The effect of a step, and the slots involved. */
export type SlotResult =
  | PutSlots
  | { patchedSlot: number }
  | { removedSlot: number }
  | Exclude<StepResult, PutResult | { patched: true } | { removed: true }>

export function withoutSlots(result: SlotResult): StepResult {
  if ('slot' in result) return { created: result.created }
  if ('patchedSlot' in result) return { patched: true }
  return 'removedSlot' in result ? { removed: true } : result
}

export interface ChangeRequest {
  set: number
  steps: readonly ImageStep[]
  /** Maximum live pictures in any set: nothing of a change that exceeds it is written. */
  setImagesMax: number
  /** See `ChangeOptions`. */
  maxImages?: number | undefined
  progress?: JobProgress | undefined
  at: string
}

export interface ChangeOneRequest extends Omit<ChangeRequest, 'steps' | 'progress'> {
  step: ImageStep
}

interface Terms extends Pick<ChangeRequest, 'at'> {
  maxImages: number
}

/** Other tables affected by a change of pictures. */
export interface SetImagesTables {
  galleries: GalleryTable
  sets: SetTable
  feedback: FeedbackTable
  jobs: JobTable
}

export class SetImages {
  readonly #galleries: GalleryTable
  readonly #sets: SetTable
  readonly #feedback: FeedbackTable
  readonly #jobs: JobTable
  readonly #images: ImageTable
  readonly #rows: ImageWrites
  readonly #descriptors: DescriptorTable

  constructor(database: Database, { galleries, sets, feedback, jobs }: SetImagesTables) {
    this.#galleries = galleries
    this.#sets = sets
    this.#feedback = feedback
    this.#jobs = jobs
    this.#images = new ImageTable(database, { damagedRecords: 'named' }) // replaced and removed like others
    this.#rows = new ImageWrites(database)
    this.#descriptors = new DescriptorTable(database)
  }

  change({ set, steps, setImagesMax, maxImages = Infinity, progress, at }: ChangeRequest): SlotResult[] {
    const row = this.#sets.get(set)
    const before = row.count
    const results = steps.map((step) => this.#step(row, step, { maxImages, at }))
    if (row.count > setImagesMax && row.count > before)
      throw new AlikeError('gallery_full', { detail: `The maximum is ${setImagesMax} pictures.` })
    if (results.some((result) => 'slot' in result || 'removedSlot' in result))
      this.#sets.save({ ...row, updated_at: at })
    if (progress !== undefined) {
      const outcomes = results.map(withoutSlots)
      const kept = withRefusals(progress, outcomes, maxImages)
      this.#jobs.advance(kept, countsOf(outcomes), this.#galleries.get(row.gallery).uid)
    }
    return results
  }

  /** Makes one change and returns the resulting record. */
  changeOne({ step, ...request }: ChangeOneRequest): { result: SlotResult; record: ImageRecord | undefined } {
    const [result] = this.change({ ...request, steps: [step] })
    return { result: result!, record: this.#images.find(request.set, idOfStep(step)) }
  }

  /**
   * Keeps a picture that was changed after its slot was read and no longer matches, and one whose damaged record does not tell
   * whether it does.
   */
  deleteFitting(set: number, slots: Uint32Array, filter: Filter, at: string): Uint32Array {
    const row = this.#sets.get(set)
    const fitting = this.#images.hits(set, this.#images.fitting(set, [...slots], filter))
    const doomed = [...fitting.values()].filter(({ isDamaged }) => !isDamaged)
    for (const { id } of doomed) this.#forgetFeedback(row, id)
    const deleted = Uint32Array.from(doomed, ({ slot }) => slot)
    for (const slot of deleted) this.#rows.delete(set, slot)
    if (deleted.length > 0) this.#sets.save({ ...row, count: row.count - deleted.length, updated_at: at })
    return deleted
  }

  /** Adds descriptors to pictures that still exist and have none. @returns how many */
  describe(set: number, described: { slot: number; descriptor: Uint8Array }[]): number {
    return described.filter(({ slot, descriptor }) => this.#descriptors.add(set, slot, descriptor)).length
  }

  /** Removes up to `limit` rows of each kind of a dropped set; false when none are left. */
  purge(set: number, limit: number): boolean {
    return this.#rows.purge(set, limit)
  }

  #step(row: SetRow, step: ImageStep, terms: Terms): SlotResult {
    if ('put' in step) return this.#put(row, step, terms)
    return 'patch' in step ? this.#patch(row, step, terms.at) : this.#remove(row, step)
  }

  /** Removes judgements of a picture that was removed or visibly replaced. */
  #forgetFeedback(set: SetRow, id: string): void {
    if (this.#galleries.get(set.gallery).serving === set.number) this.#feedback.forget(set.gallery, id)
  }

  /**
   * Resolves omitted values from what is stored now, and normalises the text. Counts in `row`, which the caller saves.
   */
  #put(row: SetRow, { put: image, unlessSame = false, onlyIf }: PutStep, { maxImages, at }: Terms): SlotResult {
    const found = this.#replaced(row.number, image)
    const former = found?.record
    if (!holds(onlyIf, former)) return preconditionFailed
    if (found === undefined && row.count >= maxImages) return { refused: 'gallery_full' }
    const { label = former?.label ?? null, metadata = former?.metadata ?? {} } = image
    const reference = referenceOf(image, former)
    const texts = storedTexts({ ...image, label })
    const stored = { ...image, ...texts, id: former?.id ?? texts.id, metadata, reference }
    if (unlessSame && former !== undefined && isSameImage(former, stored)) return { unchanged: true }
    if (found !== undefined) this.#rows.delete(row.number, found.slot)
    else row.count++
    // judgements of the former picture do not apply to this one
    if (former !== undefined && former.contentHash !== stored.contentHash) this.#forgetFeedback(row, former.id)
    const slot = row.next_slot++
    if (slot >= slotsMax) throw new AlikeError('gallery_full', { detail: 'It has used up its slots.' })
    this.#rows.insert(row.number, {
      ...stored,
      slot,
      createdAt: (image.updatedAt && image.createdAt) || former?.createdAt || image.createdAt || at,
      updatedAt: image.updatedAt || at,
    })
    return found === undefined ? { slot, created: true } : { slot, created: false, retiredSlot: found.slot }
  }

  /** Of a copy, only a picture with exactly its id: in the copied set, the other form may be another picture. */
  #replaced(set: number, { id, createdAt }: PutImage): { slot: number; record: ImageRecord } | undefined {
    const found = this.#images.stored(set, id)
    return createdAt !== undefined && found?.record.id !== id ? undefined : found
  }

  /** Omitted fields keep their values; everything else about a picture is fixed with its slot. */
  #patch({ number }: SetRow, { patch: id, change, onlyIf }: PatchStep, at: string): SlotResult {
    const row = this.#images.row(number, id)
    if (row === undefined) return { refused: 'image_not_found' }
    const stored = isWhole(row, true) ? recordOf(row) : damagedRecord(row)
    if (!holds(onlyIf, stored)) return preconditionFailed
    if (stored.unreadable === 'record') return { refused: 'image_damaged' }
    if (!isMeant(change, stored)) return { refused: 'image_not_found' }
    const { label, merge } = change
    const metadata = merge === undefined ? change.metadata : mergedMetadata(stored, merge)
    if (typeof metadata === 'string') return { refused: metadata }
    this.#rows.update({
      ...row,
      label: label === undefined ? row.label : label && nfc(label),
      metadata: metadata === undefined ? row.metadata : JSON.stringify(metadata),
      updated_at: at,
    })
    return { patchedSlot: slotOf(row.key) }
  }

  /** Counts in `row`, which the caller saves. */
  #remove(row: SetRow, { remove: id, contentHash, onlyIf }: RemoveStep): SlotResult {
    const found = this.#images.stored(row.number, id)
    if (found === undefined || (contentHash ?? found.record.contentHash) !== found.record.contentHash)
      return { absent: true }
    if (!holds(onlyIf, found.record)) return preconditionFailed
    this.#rows.delete(row.number, found.slot)
    this.#forgetFeedback(row, found.record.id)
    row.count--
    return { removedSlot: found.slot }
  }
}

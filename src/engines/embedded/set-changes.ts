/**
 * Every change to a set: the only place that keeps database and index consistent. An acknowledged change is committed,
 * and the next search sees it.
 */
import { hasCode } from '../../errors.js'
import type { ChangeOptions } from '../../gallery/engine.js'
import type { Filter } from '../../gallery/filter.js'
import type { Precondition } from '../../gallery/precondition.js'
import {
  expectAccepted,
  type ImageChange,
  type ImageRecord,
  type ImageStep,
  type PatchStep,
  type PutImage,
  type PutStep,
  type StepResult,
  type StoredImage,
} from '../../gallery/records.js'
import type { FilterSlots } from './filter-slots.js'
import { fittingSlots } from './fitting-slots.js'
import type { GalleryIndexes, IndexedSet } from './gallery-indexes.js'
import type { StorageSettings } from './storage-settings.js'
import type { GalleryStore } from './store/gallery-store.js'
import { type ChangeRequest, type SlotResult, withoutSlots } from './store/images/set-images.js'
import { type Commit, listedIn } from './store/writing/store-writes.js'
import type { SlotVectors, VectorIndex } from './vector-index/vector-index.js'

export type SetPlace = Pick<IndexedSet, 'number' | 'uid' | 'dimension' | 'next_slot'>

/** Shared by all sets. */
export interface SetParts {
  store: GalleryStore
  indexes: GalleryIndexes
  filters: FilterSlots
  storage: StorageSettings
  /** The current time, ISO 8601. */
  now(): string
}

/** Pictures removed per transaction: some ten milliseconds. */
const removalBatch = 256

/** See `OpenSet`. */
export class SetChanges {
  readonly #parts: SetParts
  readonly #place: SetPlace
  /** Oldest first. */
  readonly #underWay = new Set<Promise<unknown>>()
  /** Number of slots ever assigned whose vectors are in the index. */
  #indexed: number

  constructor(parts: SetParts, place: SetPlace) {
    this.#parts = parts
    this.#place = place
    this.#indexed = place.next_slot
  }

  /** Resolves when every picture below this slot, as read from the database, is in the index. */
  async indexed(nextSlot: number): Promise<void> {
    for (const writing of [...this.#underWay]) {
      if (this.#indexed >= nextSlot) return
      await writing.catch(() => {})
    }
  }

  change(steps: readonly ImageStep[], { progress, maxImages }: ChangeOptions = {}): Promise<StepResult[]> {
    return this.#change(steps, async (commit, request) => {
      const results = await commit('changeImages', { ...request, progress, maxImages })
      return { results, reply: results.map(withoutSlots) }
    })
  }

  put(step: PutStep, { maxImages }: Pick<ChangeOptions, 'maxImages'> = {}): Promise<StoredImage> {
    return this.#changeOne(step, maxImages)
  }

  async patch(id: string, change: ImageChange, onlyIf?: Precondition): Promise<ImageRecord> {
    return (await this.#changeOne({ patch: id, change, onlyIf })).record
  }

  #changeOne(step: PutStep | PatchStep, maxImages?: number): Promise<StoredImage> {
    return this.#change([step], async (commit, { steps: [only], ...request }) => {
      const { result, record } = await commit('changeImage', { ...request, step: only!, maxImages })
      expectAccepted([withoutSlots(result)])
      return { results: [result], reply: { record: record!, created: 'slot' in result && result.created } }
    })
  }

  #change<Step extends ImageStep, Reply>(
    steps: readonly Step[],
    write: (
      commit: Commit,
      request: Omit<ChangeRequest, 'steps'> & { steps: Step[] },
    ) => Promise<{ results: SlotResult[]; reply: Reply }>,
  ): Promise<Reply> {
    const { filters, indexes, storage, now } = this.#parts
    return this.#run(async (commit) => {
      const { results, reply } = await write(commit, {
        set: this.#place.number,
        steps: steps.map((step) => ('put' in step ? { ...step, put: withoutSurroundings(step.put) } : step)),
        setImagesMax: storage.galleryImagesMax,
        at: now(),
      })
      // Other writes to the same id may have been committed and applied first. The index tolerates
      // that: slots are never reused, and a removed one cannot be added.
      const { added, patched, retired } = changedSlots(steps, results, this.#place.dimension)
      filters.note(this.#place.number, [...patched, ...retired])
      if (added.slots.length + retired.length === 0) return reply
      await this.#apply((index) => Promise.all([index.add(added), index.remove(retired)]))
      this.#indexed += added.slots.length
      indexes.countChanges(this.#place.uid, { added: added.slots.length, retired })
      return reply
    })
  }

  async removeFitting(filter: Filter, signal?: AbortSignal): Promise<number> {
    const slots = await this.#slotsNow(filter)
    let removed = 0
    for (let from = 0; from < slots.length; from += removalBatch) {
      signal?.throwIfAborted()
      removed += await this.#removeSlots(slots.slice(from, from + removalBatch), filter)
    }
    return removed
  }

  #slotsNow(filter: Filter): Promise<Uint32Array> {
    const { store } = this.#parts
    const { next_slot: to } = store.read(({ sets }) => sets.get(this.#place.number))
    return fittingSlots(store, { gallery: this.#place.number, filter, among: { from: 0, to } })
  }

  /** Removes those of the slots that still match the filter. */
  #removeSlots(slots: Uint32Array, filter: Filter): Promise<number> {
    const { filters, indexes, now } = this.#parts
    return this.#run(async (commit) => {
      const deleted = await commit('deleteFitting', { set: this.#place.number, slots, filter, at: now() })
      filters.note(this.#place.number, deleted)
      await this.#apply((index) => index.remove(deleted))
      indexes.countChanges(this.#place.uid, { retired: deleted })
      return deleted.length
    })
  }

  #run<Result>(write: (commit: Commit) => Promise<Result>): Promise<Result> {
    return listedIn(this.#underWay, this.#parts.store.writes.run(write))
  }

  /**
   * Applies a committed change to the index, also to one that is being opened, as it may have read the vectors before. A
   * set that was dropped in the meantime, or whose network is not served, has none.
   */
  async #apply(change: (index: VectorIndex) => Promise<unknown>): Promise<void> {
    try {
      const index = await this.#parts.indexes.opened(this.#place.uid)
      if (index !== undefined) await change(index)
    } catch (error) {
      if (!hasCode(error, 'gallery_not_found')) throw error
    }
  }
}

/** Posting a view of a larger buffer to a thread would send the whole buffer. */
function withoutSurroundings(image: PutImage): PutImage {
  const { vector, thumbnail, copyDescriptor } = image
  return {
    ...image,
    vector: vector.byteLength === vector.buffer.byteLength ? vector : vector.slice(),
    ...(copyDescriptor && { copyDescriptor: Uint8Array.from(copyDescriptor) }),
    ...(thumbnail && {
      thumbnail: thumbnail.byteLength === thumbnail.buffer.byteLength ? thumbnail : Uint8Array.from(thumbnail),
    }),
  }
}

/**
 * What the steps changed in the index and for filters.
 * @param results of the steps, in the same order
 */
function changedSlots(
  steps: readonly ImageStep[],
  results: readonly SlotResult[],
  dimension: number,
): { added: SlotVectors; patched: number[]; retired: Uint32Array } {
  const added = steps.flatMap((step, i) => {
    const result = results[i]!
    return 'put' in step && 'slot' in result ? { slot: result.slot, vector: step.put.vector } : []
  })
  const retired = results.flatMap((result) =>
    'slot' in result ? (result.retiredSlot ?? []) : 'removedSlot' in result ? result.removedSlot : [],
  )
  const patched = results.flatMap((result) => ('patchedSlot' in result ? result.patchedSlot : []))
  return { added: packed(added, dimension), patched, retired: Uint32Array.from(retired) }
}

function packed(added: readonly { slot: number; vector: Float32Array }[], dimension: number): SlotVectors {
  const vectors = new Float32Array(added.length * dimension)
  added.forEach(({ vector }, i) => vectors.set(vector, i * dimension))
  return { slots: Uint32Array.from(added, ({ slot }) => slot), vectors }
}

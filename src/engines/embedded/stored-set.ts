/**
 * One embedding set in the database and, while its network is served, in an index: slots below, ids above. Longer than most
 * files because it is the single list of operations.
 */
import { AlikeError } from '../../errors.js'
import {
  type ChangeOptions,
  type FindExtras,
  type Identified,
  lengthOfTurn,
  type NearestHits,
  type NearestQuery,
  type OpenSet,
  type PageOfImages,
  type SetState,
  type StoredThumbnail,
} from '../../gallery/engine.js'
import { fieldBounds, type GalleryFields } from '../../gallery/fields.js'
import type { Filter } from '../../gallery/filter.js'
import type { HitRecord } from '../../gallery/hit-record.js'
import type { Precondition } from '../../gallery/precondition.js'
import type {
  ImageChange,
  ImagePage,
  ImageRecord,
  ImageStep,
  LabelCount,
  ListedImage,
  PutStep,
  SeenImage,
  StepResult,
  StoredImage,
  WholeImage,
} from '../../gallery/records.js'
import type { OpenScan } from '../../gallery/scan.js'
import { nextTurn } from '../../turns.js'
import type { IndexedSet } from './gallery-indexes.js'
import { listedImages } from './listed-images.js'
import { depthOfQuery, recordsPerTurn, SlotHits } from './nearest-hits.js'
import { pageOfFitting, usualBounds } from './page-of-fitting.js'
import type { ScanPlace } from './scan.js'
import { searchedSlots } from './searched-slots.js'
import { SetChanges, type SetParts } from './set-changes.js'
import { isPlaced } from './slot-hit.js'
import { slotsMax } from './store/catalogue/set-table.js'
import { StoredCopies } from './stored-copies.js'
import type { VectorIndex } from './vector-index/vector-index.js'
import { wholeImage } from './whole-image.js'

const pageDefault = 100
/** Rows compared per call: the index answers other searches between calls. */
const rowsCompared = 32
/** The highest possible slot; no gallery ever reaches it. */
const noSlot = slotsMax - 1

export class StoredSet implements OpenSet {
  readonly copies: StoredCopies
  /** The set's number. */
  readonly number: number
  readonly #parts: SetParts
  readonly #uid: string
  readonly #dimension: number
  #index: VectorIndex | undefined
  readonly #changes: SetChanges

  /** @param index undefined while the set's network is not served */
  constructor(parts: SetParts, row: IndexedSet, index: VectorIndex | undefined) {
    const { number, uid, dimension } = row
    this.number = number
    this.#parts = parts
    this.#uid = uid
    this.#dimension = dimension
    this.#index = index
    this.#changes = new SetChanges(parts, row)
    this.copies = new StoredCopies({ ...parts, number, slotsOf: (images) => this.#slotsOf(images) })
  }

  /** Called when the set's network has been installed. */
  become(index: VectorIndex): void {
    this.#index = index
  }

  change(steps: readonly ImageStep[], options?: ChangeOptions): Promise<StepResult[]> {
    return this.#changes.change(steps, options)
  }

  put(step: PutStep, options?: Pick<ChangeOptions, 'maxImages'>): Promise<StoredImage> {
    return this.#changes.put(step, options)
  }

  patch(id: string, change: ImageChange, onlyIf?: Precondition): Promise<ImageRecord> {
    return this.#changes.patch(id, change, onlyIf)
  }

  removeFitting(filter: Filter, signal?: AbortSignal): Promise<number> {
    return this.#changes.removeFitting(filter, signal)
  }

  /** @throws AlikeError `model_mismatch` while its network is not served */
  async nearest(query: NearestQuery): Promise<NearestHits> {
    const searched = await searchedSlots(this.#parts, {
      number: this.number,
      index: this.#searchable,
      groupBy: query.groupBy,
      indexed: (nextSlot) => this.#changes.indexed(nextSlot),
    })
    return SlotHits.open(searched, query)
  }

  async likeness(rows: readonly Identified[], columns: readonly Identified[]): Promise<Float32Array> {
    const [rowSlots, columnSlots] = [this.#slotsOf(rows), this.#slotsOf(columns)]
    const width = columnSlots.length
    const likeness = new Float32Array(rowSlots.length * width)
    for (let begin = 0; begin < rowSlots.length; begin += rowsCompared) {
      const block = rowSlots.slice(begin, begin + rowsCompared)
      const from = rows === columns ? begin : 0
      const compared = await this.#searchable.compare(block, columnSlots.slice(from))
      for (let row = 0; row < block.length; row++)
        likeness.set(compared.subarray(row * (width - from), (row + 1) * (width - from)), (begin + row) * width + from)
    }
    if (rows === columns) mirror(likeness, width)
    return likeness
  }

  async find(ids: readonly string[], { vectors = false }: FindExtras = {}): Promise<ListedImage[]> {
    const { store } = this.#parts
    if (!vectors) return store.read(({ images }) => ids.flatMap((id) => images.find(this.number, id) ?? []))
    return store.readAtOnce(({ images, contents }) => {
      const found = ids.flatMap((id) => images.stored(this.number, id) ?? [])
      const vectorOf = contents.vectors(
        this.number,
        found.map(({ slot }) => slot),
      )
      return found.map(({ record, slot }) => ({ ...record, vector: vectorOf.get(slot) ?? null }))
    })
  }

  async whole(ids: readonly string[]): Promise<WholeImage[]> {
    return this.#parts.store.readAtOnce((tables) => ids.flatMap((id) => wholeImage(tables, this.number, id) ?? []))
  }

  async *page(page: PageOfImages): AsyncGenerator<ImagePage> {
    const { limit = pageDefault, label, filter, vectors = false } = page
    const { store, storage } = this.#parts
    const place = { number: this.number, store, dimension: vectors ? this.#dimension : undefined }
    const maxLength = storage.pageMaxLength
    let { after = '' } = page
    if (filter !== undefined)
      return yield* pageOfFitting({ ...place, maxLength, lengthOfTurn, ...usualBounds }, { after, limit, filter })
    for (let [left, count] = [maxLength, 0]; ; ) {
      const options = {
        after,
        limit: limit - count,
        maxLength: left,
        oneAtLeast: count === 0,
        lengthOfTurn,
        ...(label !== undefined && { label }),
      }
      const { images, length, more } = listedImages(place, options)
      after = images.at(-1)?.id ?? after
      yield { images, ...(more === 'yes' && { next: after }) }
      if (more !== 'open') return
      left -= length
      count += images.length
      await nextTurn()
    }
  }

  async vector(id: string): Promise<Float32Array | undefined> {
    return this.#parts.store.read(({ contents }) => contents.vector(this.number, id))
  }

  async vectors(images: readonly Identified[]): Promise<(Float32Array | undefined)[]> {
    return this.#inTurns(images, (slots) =>
      this.#parts.store.read(({ contents }) => contents.vectors(this.number, slots)),
    )
  }

  async thumbnail(id: string): Promise<StoredThumbnail | undefined> {
    return this.#parts.store.readAtOnce(({ contents }) => contents.thumbnail(this.number, id))
  }

  async seen(image: Pick<ImageRecord, 'id' | 'contentHash' | 'modelId'>): Promise<SeenImage | undefined> {
    return this.#parts.store.read(({ contents, descriptors }) =>
      contents.seen(this.number, image, (slot) => descriptors.find(this.number, slot)),
    )
  }

  labels({ after, limit }: { after?: string | undefined; limit: number }): Promise<LabelCount[]> {
    return this.#parts.store.scan('labels', { gallery: this.number, after, limit })
  }

  /** Its slots are kept, because a search with the same filter often follows. */
  async countFitting(filter: Filter): Promise<number> {
    const { store, filters } = this.#parts
    const row = store.read(({ sets }) => sets.get(this.number))
    return (await filters.slots(row, filter, true)).length
  }

  fields(): Promise<GalleryFields> {
    const { store } = this.#parts
    const { count, next_slot } = store.read(({ sets }) => sets.get(this.number))
    const step = count <= fieldBounds.images ? 1 : next_slot / fieldBounds.images
    return store.scan('fields', { gallery: this.number, step })
  }

  async current(hits: readonly HitRecord[], groupBy?: string): Promise<(HitRecord | undefined)[]> {
    return this.#inTurns(hits, (slots) =>
      this.#parts.store.read(({ images }) => images.hits(this.number, slots, groupBy)),
    )
  }

  async metadata(hits: readonly HitRecord[], onText: (text: string) => void): Promise<(string | undefined)[]> {
    return this.#inTurns(hits, (slots) =>
      this.#parts.store.read(({ images }) => images.metadataTexts(this.number, slots, onText)),
    )
  }

  scan(): OpenScan {
    const place = { path: this.#parts.store.path, number: this.number, dimension: this.#dimension } satisfies ScanPlace
    const index = this.#searchable
    return {
      source: { module: new URL('./scan.js', import.meta.url).href, place },
      neighbours: async ({ numbers, k, ef, asForQuery }) => {
        const request = { slots: numbers, k, ef, depth: asForQuery ? depthOfQuery(ef) : undefined }
        const { slots, ...found } = await index.neighbours(request)
        return { ...found, numbers: slots }
      },
    }
  }

  async mark(): Promise<string> {
    const { next_slot, count } = this.#parts.store.read(({ sets }) => sets.get(this.number))
    return `${next_slot} ${count}`
  }

  async state(): Promise<SetState> {
    const { store, indexes } = this.#parts
    const images = store.read(({ sets }) => sets.count(this.number))
    const { size = 0, tombstones = 0, pending = 0, building = false, rebuilds = 0 } = indexes.reading(this.#uid) ?? {}
    return { images, size, unfindable: indexes.damaged(this.#uid), tombstones, pending, building, rebuilds }
  }

  get #searchable(): VectorIndex {
    if (this.#index === undefined) throw new AlikeError('model_mismatch')
    return this.#index
  }

  /** Hits of this engine carry their slots and need no look-up. */
  #slotsOf(images: readonly Identified[]): Uint32Array {
    return Uint32Array.from(images, (image) =>
      isPlaced(image)
        ? image.slot
        : (this.#parts.store.read((tables) => tables.images.slot(this.number, image.id)) ?? noSlot),
    )
  }

  async #inTurns<Value>(
    images: readonly Identified[],
    read: (slots: readonly number[]) => ReadonlyMap<number, Value>,
  ): Promise<(Value | undefined)[]> {
    const values: (Value | undefined)[] = []
    for (let begin = 0; begin < images.length; begin += recordsPerTurn) {
      if (begin > 0) await nextTurn()
      const slots = [...this.#slotsOf(images.slice(begin, begin + recordsPerTurn))]
      const found = read(slots)
      for (const slot of slots) values.push(found.get(slot))
    }
    return values
  }
}

/** Copies the computed upper triangle of a symmetric matrix to the lower one. */
function mirror(matrix: Float32Array, width: number): void {
  for (let row = 1; row < width; row++)
    for (let column = 0; column < row; column++) matrix[row * width + column] = matrix[column * width + row]!
}

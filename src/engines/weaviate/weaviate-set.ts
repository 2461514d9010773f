/**
 * One embedding set in its own collection: every operation by id. Longer than most files because it is the single list
 * of operations.
 */
import { AlikeError } from '../../errors.js'
import type {
  ChangeOptions,
  CopiesWanted,
  EmbeddingSet,
  FindExtras,
  Identified,
  NearestHits,
  NearestQuery,
  OpenSet,
  PageOfImages,
  SetState,
  StoredThumbnail,
} from '../../gallery/engine.js'
import { fieldValues } from '../../gallery/field-values.js'
import type { GalleryFields } from '../../gallery/fields.js'
import type { Filter } from '../../gallery/filter.js'
import type { HitRecord } from '../../gallery/hit-record.js'
import type { Precondition } from '../../gallery/precondition.js'
import {
  expectAccepted,
  type ImageChange,
  type ImagePage,
  type ImageRecord,
  type ImageStep,
  type LabelCount,
  type ListedImage,
  type PutStep,
  type SeenImage,
  type StepResult,
  type StoredImage,
  type WholeImage,
} from '../../gallery/records.js'
import type { OpenScan } from '../../gallery/scan.js'
import { readStored } from '../../gallery/stored-json.js'
import type { ChangeClock } from './change-clock.js'
import { cosinesOf } from './cosines.js'
import { fittingCount } from './fitting-count.js'
import type { ImageCollection } from './image-collection.js'
import {
  bytesOf,
  type Found,
  hitFieldsOf,
  hitProperties,
  type PropertyName,
  recordOf,
  recordProperties,
  seenOf,
  seenProperties,
  uuidOf,
  vectorOf,
  wholeOf,
  wholeProperties,
} from './image-object.js'
import { labelCounts } from './label-counts.js'
import { pageOf } from './listed-images.js'
import { enterMissing } from './missing-in-graph.js'
import { RankedHits } from './nearest-hits.js'
import { sharedUuids } from './numbered-uuids.js'
import { pushed } from './pushed-filter.js'
import { sampledFields } from './sampled-fields.js'
import { SearchedImages } from './searched-images.js'
import { SetChanges } from './set-changes.js'
import { StoredCopies } from './set-copies.js'
import type { ScanPlace } from './set-scan.js'
import { consistencyOf, placeOf, StoredHit } from './stored-hit.js'
import { StoredNeighbours } from './stored-neighbours.js'

export interface SetParts {
  collection: ImageCollection
  clock: ChangeClock
  /** Maximum pictures in the set. */
  setImagesMax: number
  /** Maximum characters of the records on one page of a list. At least one record is listed, whatever its length. */
  pageMaxLength: number
  /** Maximum waiting changes; one more is refused. */
  waitingMax: number
  scanPlace: Pick<ScanPlace, 'settings' | 'layout'>
}

const pageDefault = 100
/** More than are written together, because the clock of the process that died may have been behind that of others. */
const newestLookedFor = 512

export class WeaviateSet implements OpenSet {
  readonly copies: StoredCopies
  readonly #parts: SetParts
  readonly #dimension: number
  #state: EmbeddingSet['state']
  readonly #changes: SetChanges

  constructor(parts: SetParts, { dimension, state }: EmbeddingSet) {
    this.#parts = parts
    this.#dimension = dimension
    this.#state = state
    this.#changes = new SetChanges(parts)
    this.copies = new StoredCopies(parts.collection, (work) => this.#changes.alone(work))
  }

  /** Called when the set's network starts or stops being served. */
  become(state: EmbeddingSet['state']): void {
    this.#state = state
  }

  /** Unacknowledged changes. */
  get depth(): number {
    return this.#changes.depth
  }

  /** Resolves when the accepted changes have finished. */
  settled(): Promise<void> {
    return this.#changes.settled()
  }

  async change(steps: readonly ImageStep[], options?: ChangeOptions): Promise<StepResult[]> {
    return (await this.#changes.change(steps, options)).results
  }

  async makeFindable(ids?: readonly string[]): Promise<void> {
    const { collection } = this.#parts
    const options = { properties: [], vectors: true }
    const found =
      ids === undefined
        ? await collection.newest({ ...options, limit: newestLookedFor })
        : (await collection.ofIds(ids.map(uuidOf), options)).values()
    const vectors = [...found].map(({ uuid, vector }) => ({ uuid, vector: Float32Array.from(vector) }))
    await enterMissing(collection, vectors)
  }

  async put(step: PutStep, options?: Pick<ChangeOptions, 'maxImages'>): Promise<StoredImage> {
    const { results, record } = await this.#changes.change([step], options)
    expectAccepted(results)
    const [result] = results
    return { record: record!, created: result !== undefined && 'created' in result && result.created }
  }

  patch(id: string, change: ImageChange, onlyIf?: Precondition): Promise<ImageRecord> {
    return this.#changes.patch(id, change, onlyIf)
  }

  removeFitting(filter: Filter, signal?: AbortSignal): Promise<number> {
    return this.#changes.removeFitting(filter, signal)
  }

  /** @throws AlikeError `model_mismatch` while its network is not served */
  async nearest(query: NearestQuery): Promise<NearestHits> {
    this.#expectReady()
    const { collection, clock } = this.#parts
    const stamp = clock.stamp()
    const copiesOf = (wanted: CopiesWanted) => this.copies.find(wanted, query.signal)
    const exactBelow = await collection.access.exactBelow()
    const images = await SearchedImages.open({ collection, exactBelow, copiesOf }, query)
    return new RankedHits(images, query, stamp, [])
  }

  async likeness(rows: readonly Identified[], columns: readonly Identified[]): Promise<Float32Array> {
    const ofColumns = await this.vectors(columns)
    return cosinesOf(rows === columns ? ofColumns : await this.vectors(rows), ofColumns)
  }

  async find(ids: readonly string[], { vectors = false }: FindExtras = {}): Promise<ListedImage[]> {
    const uuids = ids.map(uuidOf)
    const found = await this.#parts.collection.ofIds(uuids, { properties: recordProperties, vectors })
    return uuids.flatMap((uuid) => {
      const one = found.get(uuid)
      if (one === undefined) return []
      return vectors ? { ...recordOf(one), vector: vectorOf(one) } : recordOf(one)
    })
  }

  async whole(ids: readonly string[]): Promise<WholeImage[]> {
    const uuids = ids.map(uuidOf)
    const found = await this.#parts.collection.ofIds(uuids, { properties: wholeProperties, vectors: true })
    return uuids.flatMap((uuid) => {
      const one = found.get(uuid)
      return one === undefined ? [] : wholeOf(one)
    })
  }

  page({ after = '', limit = pageDefault, label, filter, vectors }: PageOfImages): AsyncGenerator<ImagePage> {
    const { collection, pageMaxLength: maxLength } = this.#parts
    const wanted = label === undefined ? filter : { field: 'label', in: [label] }
    const listing = { collection, where: wanted && pushed(wanted).where, properties: recordProperties, vectors }
    return pageOf(listing, { after, limit, maxLength, filter: wanted })
  }

  async vector(id: string): Promise<Float32Array | undefined> {
    const found = await this.#readOne(id, [], true)
    return found && Float32Array.from(found.vector)
  }

  async vectors(images: readonly Identified[]): Promise<(Float32Array | undefined)[]> {
    return (await this.#readAgain(images, [], true)).map((found) => found && Float32Array.from(found.vector))
  }

  async thumbnail(id: string): Promise<StoredThumbnail | undefined> {
    const found = await this.#readOne(id, ['thumbnail', 'contentHash'])
    return found && { bytes: bytesOf(found.properties.thumbnail), contentHash: found.properties.contentHash! }
  }

  async seen({
    id,
    contentHash,
    modelId,
  }: Pick<ImageRecord, 'id' | 'contentHash' | 'modelId'>): Promise<SeenImage | undefined> {
    const properties = [...seenProperties, 'contentHash', 'modelId'] as const
    const found = await this.#readOne(id, properties, true)
    if (found?.properties.contentHash !== contentHash || found.properties.modelId !== modelId) return undefined
    return seenOf(found)
  }

  labels(page: { after?: string | undefined; limit: number }): Promise<LabelCount[]> {
    return labelCounts(this.#parts.collection, page)
  }

  countFitting(filter: Filter, signal?: AbortSignal): Promise<number> {
    return fittingCount(this.#parts.collection, filter, signal)
  }

  fields(): Promise<GalleryFields> {
    return sampledFields(this.#parts.collection)
  }

  async current(hits: readonly HitRecord[], groupBy?: string): Promise<(HitRecord | undefined)[]> {
    const properties = groupBy === undefined ? hitProperties : ([...hitProperties, 'metadata'] as const)
    return (await this.#readAgain(hits, properties)).map((found, i) => {
      if (found === undefined) return undefined
      const { isCompared = false } = placeOf(hits[i]!)
      const fields = hitFieldsOf(found)
      const metadata = readStored(found.properties.metadata ?? '{}') ?? {}
      const groupKeys = groupBy === undefined ? undefined : fieldValues({ label: fields.label, metadata }, groupBy)
      return new StoredHit({ uuid: found.uuid, stamp: found.properties.stamp!, isCompared }, fields, { groupKeys })
    })
  }

  async metadata(hits: readonly HitRecord[], onText: (text: string) => void): Promise<(string | undefined)[]> {
    return (await this.#readAgain(hits, ['metadata', 'stamp'])).map((found) => {
      const text = found?.properties.metadata
      if (text !== undefined) onText(text)
      return text
    })
  }

  scan(): OpenScan {
    this.#expectReady()
    const { collection, clock, scanPlace } = this.#parts
    const uuids = sharedUuids()
    const dimension = this.#dimension
    const place = {
      ...scanPlace,
      collection: collection.access.name,
      dimension,
      upTo: clock.stamp(),
      uuids,
    } satisfies ScanPlace
    const neighbours = new StoredNeighbours(collection, uuids)
    return {
      source: { module: new URL('./set-scan.js', import.meta.url).href, place },
      neighbours: (request) => neighbours.of(request),
    }
  }

  async mark(): Promise<string> {
    const { collection } = this.#parts
    const [stamp, count] = await Promise.all([collection.newestStamp(), collection.count()])
    return `${stamp} ${count}`
  }

  async state(): Promise<SetState> {
    const images = await this.#parts.collection.count()
    return { images, size: images, unfindable: 0, tombstones: 0, pending: 0, building: false, rebuilds: 0 }
  }

  #expectReady(): void {
    if (this.#state !== 'ready') throw new AlikeError('model_mismatch')
  }

  async #readOne(id: string, properties: readonly PropertyName[], vectors = false): Promise<Found | undefined> {
    const uuid = uuidOf(id)
    return (await this.#parts.collection.ofIds([uuid], { properties, vectors })).get(uuid)
  }

  /** In the given order; undefined for those removed or replaced. */
  async #readAgain(
    images: readonly Identified[],
    properties: readonly PropertyName[],
    vectors = false,
  ): Promise<(Found | undefined)[]> {
    const places = images.map(placeOf)
    const consistency = consistencyOf(images)
    const options = { properties: [...new Set([...properties, 'stamp' as const])], vectors, consistency }
    const found = await this.#parts.collection.ofIds(
      places.map(({ uuid }) => uuid),
      options,
    )
    return places.map(({ uuid, stamp }) => {
      const one = found.get(uuid)
      return stamp === undefined || one?.properties.stamp === stamp ? one : undefined
    })
  }
}

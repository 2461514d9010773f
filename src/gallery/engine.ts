/**
 * What a gallery's vectors and records live in, as the rest of Alike knows it: everything by id, everything a promise.
 * How pictures are numbered, kept on disk and searched is the engine's own affair.
 */
import type { AlikeError } from '../errors.js'
import type { GalleryFields } from './fields.js'
import type { Filter } from './filter.js'
import type { HitRecord } from './hit-record.js'
import type { HitList, UnrankedHit } from './hits.js'
import type { JobProgress } from './job-progress.js'
import type {
  ImageChange,
  ImagePage,
  ImageRecord,
  ImageStep,
  LabelCount,
  PutStep,
  SeenImage,
  StepResult,
  StoredImage,
  WholeImage,
} from './records.js'
import type { OpenScan } from './scan.js'

/** The embeddings that one network made of a gallery's pictures. Today a gallery has one such set. */
export interface EmbeddingSet {
  /** Its own, and its gallery's; never used again. */
  uid: string
  galleryUid: string
  /** What made every embedding in it: hash of weights and preprocessing. */
  modelId: string
  dimension: number
  /** `building`: not searched yet. `ready`: its network is served. `retired`: it is not; records can be read and removed, nothing is searched or added. */
  state: 'building' | 'ready' | 'retired'
}

/** How a set is to lie in an engine of several machines; left out: as the service is set up. */
export interface StorageWishes {
  /** Parts that are searched side by side. */
  shards?: number | undefined
  /** Copies of each part. */
  replicas?: number | undefined
  /** Of the vectors in the index. */
  quantisation?: Quantisation | undefined
}

export const quantisations = ['none', 'rq8'] as const
export type Quantisation = (typeof quantisations)[number]

/** Opened by `service/storage.ts`; a gallery's row names the one it lives in. */
export interface Engine {
  /** Once it can not go on: the process should be restarted. */
  readonly failure: AlikeError | undefined
  /** Why nothing can be written for now, in a sentence; undefined when writes are taken. */
  readonly readOnly: string | undefined
  /** Why what lives in it can not be reached for now, in a sentence; undefined when it can. Calls reject with `engine_unreachable` meanwhile. */
  readonly unreachable: string | undefined
  /**
   * Makes room for a set as it is wished; again: nothing more. An engine without it makes what it needs when a set is opened,
   * and knows no wishes.
   * @param isMade it was made before: if it is gone it is not made anew
   * @throws AlikeError `gallery_exists` for a set that lies otherwise, `gallery_lost`, `engine_unreachable`
   */
  prepare?(set: EmbeddingSet, wishes: StorageWishes, isMade: boolean): Promise<void>
  /** Opened already: the same again. @throws AlikeError `gallery_not_found` for a set that was dropped */
  open(set: EmbeddingSet): Promise<OpenSet>
  /** Its pictures are found no more; what they take is given back in the background. */
  drop(set: Pick<EmbeddingSet, 'uid'>): Promise<void>
  /** Finishes what was accepted. */
  close(): Promise<void>
}

/** A picture by its id. Hits are such pictures too: an engine knows again what it gave, and looks it up no second time. */
export interface Identified {
  readonly id: string
}

export interface ChangeOptions {
  /** Of the job that the steps belong to; committed with them. Given to engines that keep jobs in the same database. */
  progress?: JobProgress | undefined
}

/** Calls reject with `gallery_not_found` once the set was dropped, `gallery_lost` when its engine has lost it, `overloaded` when too much waits. */
export interface OpenSet {
  /**
   * All of the steps or none, in their order. Once it resolves they are durable, and searches find what was put and nothing
   * that was removed. A step that is repeated changes nothing more.
   * @throws AlikeError `gallery_full`, `storage_full`, `job_finished`
   */
  change(steps: readonly ImageStep[], options?: ChangeOptions): Promise<StepResult[]>
  /** One picture, and its record as it was written. @throws as `change` */
  put(step: PutStep): Promise<StoredImage>
  /** Label and metadata of a stored picture. @throws AlikeError `image_not_found`, `image_damaged`, `storage_full` */
  patch(id: string, change: ImageChange): Promise<void>
  /** In groups: what was removed when it breaks off stays removed. @returns how many fitted @throws the signal's reason */
  removeFitting(filter: Filter, signal?: AbortSignal): Promise<number>

  /** @throws AlikeError `overloaded`; the query's signal's reason */
  nearest(query: NearestQuery): Promise<NearestHits>
  /**
   * [rows, columns] cosines of stored embeddings; one that is gone is like nothing: −1. With one and the same list as rows and
   * columns each pair is computed once.
   */
  likeness(rows: readonly Identified[], columns: readonly Identified[]): Promise<Float32Array>

  /** Those of the ids that exist, in the order asked. */
  find(ids: readonly string[]): Promise<ImageRecord[]>
  /** The same with everything that is stored of them. @throws AlikeError `image_damaged` when one of them cannot be read as a whole */
  whole(ids: readonly string[]): Promise<WholeImage[]>
  /** By id, ascending, slice by slice, each in a turn of its own; the last one tells whether more follows. @throws AlikeError `request_invalid` for a cursor that was not given out */
  page(asked: PageOfImages): AsyncIterable<ImagePage>
  /** [dimension], unit length. */
  vector(id: string): Promise<Float32Array | undefined>
  /** @throws AlikeError `image_damaged` */
  thumbnail(id: string): Promise<StoredThumbnail | undefined>
  /** What the same content gave before, if it is what is stored under this id. */
  seen(image: Pick<ImageRecord, 'id' | 'contentHash' | 'modelId'>): Promise<SeenImage | undefined>
  /** By label, ascending; pictures without one come first. */
  labels(page: { after?: string | undefined; limit: number }): Promise<LabelCount[]>
  /** Of as many images as `fieldBounds` says, evenly spread, or of all. */
  fields(): Promise<GalleryFields>
  /** Hits as they are now, in their order; undefined for those that are gone. */
  current(hits: readonly HitRecord[], groupBy?: string): Promise<(HitRecord | undefined)[]>
  /** JSON of hits, in their order; undefined for those that are gone. @param onText told of each before the next is read; what it throws ends the reading */
  metadata(hits: readonly HitRecord[], onText: (text: string) => void): Promise<(string | undefined)[]>
  readonly copies: SetCopies

  /** For who looks at all of it. */
  scan(): OpenScan
  /** Another one as soon as a picture is added, replaced or removed. */
  mark(): Promise<string>
  state(): Promise<SetState>
}

export interface NearestQuery {
  /** [dimension], unit length. */
  vector: Float32Array
  /** Hits of a lower score are left out. */
  minScore?: number | undefined
  /** Candidates that a graph keeps while it searches. */
  ef?: number | undefined
  /** Every picture that may be a hit is compared. */
  exact?: boolean | undefined
  filter?: Filter | undefined
  /** Only pictures that are near-copies of one of these: from this near-copy score on. */
  copiesOf?: { descriptors: readonly Uint8Array[]; least: number } | undefined
  excludeIds?: readonly string[] | undefined
  /** Hits tell their values of this field. */
  groupBy?: string | undefined
  /** More of the list is asked for by later requests: pictures stored from now on are no hits of it. */
  kept?: boolean | undefined
  /** Aborted when nobody waits for it any more. */
  signal?: AbortSignal | undefined
}

/** The hits of one query, fetched as far as they are asked for. */
export interface NearestHits extends HitList {
  /** Pictures that could be hits. */
  readonly compared: number
  /** How the hits so far were found: by a graph if any of them were. */
  readonly method: 'exact' | 'hnsw'
  /** Candidates that the graph really kept. */
  readonly ef: number | undefined
  /** Of memory, roughly. */
  readonly bytes: number
  /** The hits that also fit this filter, without those that were seen. */
  fitting(filter: Filter, seen: readonly UnrankedHit[]): Promise<HitList>
}

/** Which stored pictures are near-copies, by their descriptors (`copies/copy-descriptor.ts`). */
export interface SetCopies {
  /** Near-copy score of each hit to that picture of the query it is most like; NaN where there is no telling. */
  scores(query: readonly Uint8Array[], hits: readonly Identified[]): Promise<Float32Array>
  /** [rows, columns] near-copy scores of hits (the last `rows` of `columns`) to those before them; 0 below `least`. */
  likeness(rows: number, columns: readonly Identified[], least: number): Promise<Float32Array>
  /** Empty for a picture without features; undefined where none was made yet. */
  descriptor(id: string): Promise<Uint8Array | undefined>
  /** Pictures that have a thumbnail and no descriptor yet; from `cursor` on, which the page before told. */
  undescribed(page: { cursor?: number | undefined; limit: number }): Promise<UndescribedPage>
  /** Adds descriptors; pictures that are gone or have one are passed over. @returns how many were added @throws AlikeError `storage_full`, `overloaded` */
  describe(described: readonly { image: Identified; descriptor: Uint8Array }[]): Promise<number>
}

export interface UndescribedPage {
  images: (Identified & { thumbnail: Uint8Array })[]
  /** Left out on the last page. */
  nextCursor?: number | undefined
}

/** Pictures that are looked at for one page of those that fit a filter, about. */
export const lookedAtMax = 100_000

export interface PageOfImages {
  cursor?: string | undefined
  /** Default 100. */
  limit?: number | undefined
  /** `null`: pictures without a label; undefined: all. */
  label?: string | null | undefined
  /** Instead of `label`. No more than `lookedAtMax` pictures are looked at for one page: it may be short while more follow. */
  filter?: Filter | undefined
}

export interface StoredThumbnail {
  /** JPEG, or WebP where it is old; undefined where there is none. */
  bytes: Uint8Array | undefined
  /** Of the picture it is of. */
  contentHash: string
}

export interface SetState {
  /** Stored. */
  images: number
  /** That a search can find. */
  size: number
  /** Stored and found by no search, because their embeddings are damaged; storing them again mends it. */
  unfindable: number
  /** Removed ones that still lie in the graph. */
  tombstones: number
  /** Not yet in the graph; searches find them all the same. */
  pending: number
  /** A graph is being built. */
  building: boolean
  /** Graphs finished since the set was opened. */
  rebuilds: number
  /** Its engine does not answer: none of this is known. */
  unreachable?: true | undefined
  /** Its engine answers and does not have it any more. */
  lost?: true | undefined
}

/**
 * What stores a gallery's vectors and records, as the rest of Alike sees it: everything by id, everything asynchronous.
 * How pictures are numbered, stored and searched is up to the engine. Longer than most files because both engines
 * implement this contract as a whole.
 */
import type { AlikeError } from '../errors.js'
import type { GalleryFields } from './fields.js'
import type { Filter } from './filter.js'
import type { HitRecord } from './hit-record.js'
import type { MeasuredHits, UnrankedHit } from './hits.js'
import type { JobProgress } from './job-progress.js'
import type { Precondition } from './precondition.js'
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
} from './records.js'
import type { OpenScan } from './scan.js'

/**
 * The embeddings of a gallery's pictures by one model. A gallery has one set, or two while its model is being changed.
 */
export interface EmbeddingSet {
  /** Uid of the set, and of its gallery; never reused. */
  uid: string
  galleryUid: string
  /** The model that produced every embedding in it: hash of weights and preprocessing. */
  modelId: string
  dimension: number
  /**
   * `building`: not searched yet. `ready`: its model is installed. `retired`: its model is not; records can be read and
   * deleted, but nothing is searched or added.
   */
  state: 'building' | 'ready' | 'retired'
}

/** How a set is to be stored in an engine of several machines; undefined: the service's default. */
export interface StorageWishes {
  /** Shards that are searched in parallel. */
  shards?: number | undefined
  /** Replicas of each shard. */
  replicas?: number | undefined
  /** Quantisation of the vectors in the index. */
  quantisation?: Quantisation | undefined
}

export const quantisations = ['none', 'rq8'] as const
export type Quantisation = (typeof quantisations)[number]

/** Opened by `service/storage.ts`; a gallery's row names the one it lives in. */
export interface Engine {
  /** Set once it cannot continue: the process should be restarted. */
  readonly failure: AlikeError | undefined
  /** Why nothing can be written at the moment, in a sentence; undefined if writes are accepted. */
  readonly readOnly: string | undefined
  /**
   * Why it is currently unavailable, in a sentence; undefined if it is available. Calls reject with
   * `engine_unreachable` meanwhile.
   */
  readonly unreachable: string | undefined
  /** Whether sets can be prepared with wishes. Default false. */
  readonly takesWishes?: boolean | undefined
  /**
   * Prepares storage for a set with these wishes; idempotent. An engine without this method needs no preparation.
   * @param isPrepared it has been prepared before: if it is missing now, it is not created again
   * @throws AlikeError `gallery_exists` for a set that is stored differently, `gallery_lost`, `gallery_elsewhere`,
   * `engine_unreachable`
   */
  prepare?(set: EmbeddingSet, wishes: StorageWishes, isPrepared: boolean): Promise<void>
  /**
   * Returns the same object if the set is already open.
   * @throws AlikeError `gallery_not_found` for a set that was dropped, `gallery_elsewhere`
   */
  open(set: EmbeddingSet): Promise<OpenSet>
  /** Its pictures are no longer found; its storage is freed in the background. */
  drop(set: Pick<EmbeddingSet, 'uid'>): Promise<void>
  /**
   * Frees the storage of a dropped set now, if there still is any. An engine without this method finishes that by itself, even
   * if the process dies in between.
   * @returns whether there was any
   * @throws AlikeError `engine_unreachable`
   */
  free?(set: Pick<EmbeddingSet, 'uid'>): Promise<boolean>
  /**
   * For storage that belongs to one process: how long that process may be away before the others forget what it still has to
   * free. Default: all processes reach the same storage.
   */
  readonly awayMaxMs?: number | undefined
  /**
   * For storage that belongs to one of several processes: whether the set is in that of this one. Default: all processes reach
   * the same storage.
   */
  has?(set: Pick<EmbeddingSet, 'uid'>): boolean
  /** Finishes accepted calls. */
  close(): Promise<void>
}

/**
 * A picture by its id. Hits are such pictures too: an engine recognises the hits it returned, and does not look them up
 * again.
 */
export interface Identified {
  readonly id: string
}

export interface FindExtras {
  /** With embeddings. Default false. */
  vectors?: boolean | undefined
}

export interface ChangeOptions {
  /**
   * Progress of the job that the steps belong to, committed with them. Passed only to engines that store jobs in the
   * same database.
   */
  progress?: JobProgress | undefined
  /** Pictures that the gallery may hold: each new one beyond that is refused, the other steps are not. Default: no limit. */
  maxImages?: number | undefined
}

/**
 * Calls reject with `gallery_not_found` once the set was dropped, `gallery_lost` if its engine has lost it, `gallery_newer` if a newer
 * version has stored it, `overloaded` if too many calls are waiting.
 */
export interface OpenSet {
  /**
   * All of the steps or none, in order, except for refused ones. Once it resolves they are durable, and searches find
   * what was put and nothing that was deleted. Repeating a step has no further effect.
   * @throws AlikeError `gallery_full`, `storage_full`, `job_finished`
   */
  change(steps: readonly ImageStep[], options?: ChangeOptions): Promise<StepResult[]>
  /**
   * Instead of repeating a change that was interrupted, perhaps because its process died: searches find what it has stored of these
   * pictures, by default of those stored last. An engine without this method stores no picture that searches or lists do not find.
   */
  makeFindable?(ids?: readonly string[]): Promise<void>
  /**
   * Puts one picture, and returns its record as written.
   * @throws as `change`, and AlikeError `precondition_failed`
   */
  put(step: PutStep, options?: Pick<ChangeOptions, 'maxImages'>): Promise<StoredImage>
  /**
   * Changes label and metadata of a stored picture, and returns its record as written.
   * @throws AlikeError `image_not_found`, `image_damaged`, `precondition_failed`, `metadata_too_large`, `storage_full`
   */
  patch(id: string, change: ImageChange, onlyIf?: Precondition): Promise<ImageRecord>
  /**
   * Deletes in groups: if it is interrupted, what was deleted stays deleted.
   * @returns how many matched
   * @throws the signal's reason
   */
  removeFitting(filter: Filter, signal?: AbortSignal): Promise<number>

  /** @throws AlikeError `overloaded`; the reason of the query's signal */
  nearest(query: NearestQuery): Promise<NearestHits>
  /**
   * [rows, columns] cosines of stored embeddings; −1 for a picture that is gone. If rows and columns are the same list,
   * each pair is computed once.
   */
  likeness(rows: readonly Identified[], columns: readonly Identified[]): Promise<Float32Array>

  /** The records of those ids that exist, in the order given. */
  find(ids: readonly string[], extras?: FindExtras): Promise<ListedImage[]>
  /**
   * The same, with everything stored about them.
   * @throws AlikeError `image_damaged` if one of them cannot be read in full
   */
  whole(ids: readonly string[]): Promise<WholeImage[]>
  /** By id, ascending, in slices, each in its own turn of the event loop; the last one tells whether more follow. */
  page(page: PageOfImages): AsyncIterable<ImagePage>
  /** [dimension], unit length. */
  vector(id: string): Promise<Float32Array | undefined>
  /** The same of several pictures, in order; undefined for damaged ones, and for those removed, or replaced since they were hits. */
  vectors(images: readonly Identified[]): Promise<(Float32Array | undefined)[]>
  /** @throws AlikeError `image_damaged` */
  thumbnail(id: string): Promise<StoredThumbnail | undefined>
  /** The stored content under this id, if it has this hash and model. */
  seen(image: Pick<ImageRecord, 'id' | 'contentHash' | 'modelId'>): Promise<SeenImage | undefined>
  /** By label, ascending; unlabelled pictures come first. */
  labels(page: { after?: string | undefined; limit: number }): Promise<LabelCount[]>
  /** How many pictures match. @throws the signal's reason */
  countFitting(filter: Filter, signal?: AbortSignal): Promise<number>
  /** From as many images as `fieldBounds` allows, evenly spread, or from all. */
  fields(): Promise<GalleryFields>
  /** Hits in their current state, in order; undefined for those that are gone. */
  current(hits: readonly HitRecord[], groupBy?: string): Promise<(HitRecord | undefined)[]>
  /**
   * JSON of hits, in order; undefined for those that are gone.
   * @param onText called with each before the next is read; if it throws, reading ends
   */
  metadata(hits: readonly HitRecord[], onText: (text: string) => void): Promise<(string | undefined)[]>
  readonly copies: SetCopies

  /** For reading the whole set. */
  scan(): OpenScan
  /** Changes whenever a picture is added, replaced or deleted. */
  mark(): Promise<string>
  state(): Promise<SetState>
}

/** Near-copies of one of these pictures: with the same bytes, or with at least this near-copy score. */
export interface CopiesWanted {
  descriptors: readonly Uint8Array[]
  contentHashes?: readonly string[] | undefined
  least: number
}

export interface NearestQuery {
  /** [dimension], unit length. */
  vector: Float32Array
  /** Minimum score of a hit. */
  minScore?: number | undefined
  /** Candidates that a graph keeps while searching. */
  ef?: number | undefined
  /** Compare every picture that may be a hit. */
  exact?: boolean | undefined
  filter?: Filter | undefined
  copiesOf?: CopiesWanted | undefined
  excludeIds?: readonly string[] | undefined
  /** Return the hits' values of this field. */
  groupBy?: string | undefined
  /** Later requests will ask for more of the list: pictures stored from now on are not hits of it. */
  kept?: boolean | undefined
  /** Aborted when nobody is waiting for the result any more. */
  signal?: AbortSignal | undefined
}

/** The hits of one query, fetched as far as requested. */
export interface NearestHits extends MeasuredHits {
  /** Number of pictures that could be hits. */
  readonly compared: number
  /** How the hits so far were found: `hnsw` if any of them came from a graph. */
  readonly method: 'exact' | 'hnsw'
  /** Candidates that the graph actually kept. */
  readonly ef: number | undefined
  /** The hits that also match this filter, without those already seen. */
  fitting(filter: Filter, seen: readonly UnrankedHit[]): Promise<MeasuredHits>
}

/** Which stored pictures are near-copies, by their descriptors (`copies/copy-descriptor.ts`). */
export interface SetCopies {
  /** Near-copy score of each hit to the most similar picture of the query; NaN if unknown. */
  scores(query: readonly Uint8Array[], hits: readonly Identified[]): Promise<Float32Array>
  /** [rows, columns] near-copy scores of hits (the last `rows` of `columns`) to those before them; 0 below `least`. */
  likeness(rows: number, columns: readonly Identified[], least: number): Promise<Float32Array>
  /** Empty for a picture without features; undefined if none has been computed yet. */
  descriptor(id: string): Promise<Uint8Array | undefined>
  /** Pictures that have a thumbnail but no descriptor yet, from the `cursor` of the previous page on. */
  undescribed(page: { cursor?: number | undefined; limit: number }): Promise<UndescribedPage>
  /**
   * Adds descriptors; pictures that are gone or already have one are skipped.
   * @returns how many were added
   * @throws AlikeError `storage_full`, `overloaded`
   */
  describe(described: readonly { image: Identified; descriptor: Uint8Array }[]): Promise<number>
}

export interface UndescribedPage {
  images: (Identified & { thumbnail: Uint8Array })[]
  /** Absent on the last page, which may be empty. */
  nextCursor?: number | undefined
}

/** Approximate number of pictures read for one page of those that match a filter. */
export const examinedMax = 100_000

/** Characters of records read for a list before others get a turn: some milliseconds. */
export const lengthOfTurn = 128 * 1024

/** Characters that an embedding counts in a list: about as many as its numbers take in JSON. */
export const lengthOfVector = (dimension: number): number => 12 * dimension

export interface PageOfImages {
  /** Only ids after this one. */
  after?: string | undefined
  /** Default 100. */
  limit?: number | undefined
  /** `null`: pictures without a label; undefined: all. */
  label?: string | null | undefined
  /**
   * Instead of `label`. At most about `examinedMax` pictures are read for one page, so it may be short although more
   * follow.
   */
  filter?: Filter | undefined
  /** Read the embeddings too, which makes pages shorter. */
  vectors?: boolean | undefined
}

export interface StoredThumbnail {
  /** JPEG, or WebP from older versions; undefined if there is none. */
  bytes: Uint8Array | undefined
  /** Hash of the picture it shows. */
  contentHash: string
}

export interface SetState {
  /** Stored pictures. */
  images: number
  /** Pictures that a search can find. */
  size: number
  /** Stored pictures that no search finds, because their embeddings are damaged; storing them again repairs that. */
  unfindable: number
  /** Deleted pictures still in the graph. */
  tombstones: number
  /** Not yet in the graph; searches find them nevertheless. */
  pending: number
  /** A graph is being built. */
  building: boolean
  /** Graphs completed since the set was opened. */
  rebuilds: number
  /** Its engine is unavailable, so none of this is known. */
  unreachable?: true | undefined
  /** Its engine is available but no longer has the set. */
  lost?: true | undefined
  /** It is in the data folder of another process. */
  elsewhere?: true | undefined
}

/**
 * The source of a job: pictures one after the other, always in the same order, so that a job can resume where it
 * stopped.
 */
import type { AlikeError } from '../errors.js'
import type { Metadata } from '../gallery/metadata.js'
import type { PatchStep, RemoveStep } from '../gallery/records.js'
import type { LitterRule } from './litter.js'
import type { NameEncoding } from './name-encoding.js'

const sourceKinds = ['files', 'tar', 'tar.gz', 'tar.zst', 'zip', 'ndjson', 'urls', 's3', 'folder'] as const
export type SourceKind = (typeof sourceKinds)[number]
export type ArchiveKind = Extract<SourceKind, 'tar' | 'tar.gz' | 'tar.zst' | 'zip'>

/** Stored in the job's record: everything needed to open the source again. */
export interface SourceDescription {
  kind: SourceKind
  /** Label for pictures outside any folder. */
  label?: string | undefined
  /** Encoding of names for which the archive declares none. */
  nameEncoding?: NameEncoding | undefined
  /** Encoding of a CSV manifest; default: UTF-8, or as its byte order mark says. */
  manifestEncoding?: NameEncoding | undefined
  /** Default `skip`. */
  litter?: LitterRule | undefined
  /** For `ndjson`: when the caller sent it, it was not allowed to delete; nobody who steers the job changes that. */
  mayNotDelete?: true | undefined
  /** For `s3`: the pictures are the objects of the bucket whose keys begin with the prefix. */
  bucket?: string
  prefix?: string | undefined
  /** For `folder`: the watched folder that the list's paths are relative to; `prefix` is that of its ids. */
  folder?: string
  /** Size of the received upload; missing in jobs of older versions and for `s3`, which receives nothing. */
  bytes?: number
  crc32?: number
}

/** What the source states about a picture. */
export interface ImageDetails {
  id: string
  /** Default: keeps the stored label. */
  label?: string | null | undefined
  /** Likewise for metadata. */
  metadata?: Metadata | undefined
  /** The picture's location in its owner's storage, as given by the upload. */
  reference?: string | undefined
  /** Where it is read from, if the source knows. */
  origin?: string | undefined
  /** An earlier picture of the same upload has this id: the later one stays. */
  repeats?: boolean | undefined
}

/** A picture that is read when its turn comes. */
export interface PictureElsewhere {
  /** Size of the picture, if known in advance. */
  size: number
  /**
   * @returns undefined if the picture is skipped: it has changed or gone since it was listed, and will be listed again
   */
  read(signal: AbortSignal): Promise<Buffer | undefined>
}

export interface ItemPlace {
  /** Position in the source, from 0; the same each time the source is read. */
  index: number
  /** The source's own name for it. */
  name: string
  /** See `ReadName`. */
  isNameAssumed?: boolean | undefined
}

/** One picture, wherever its bytes are. */
export type PictureItem = ItemPlace & ImageDetails & ({ bytes: Buffer } | { url: string } | PictureElsewhere)

/**
 * A picture, a change of a stored one, an id to remove, a skipped entry (with a note if it should be reported), or the
 * reason why there is no picture in this place.
 */
export type SourceItem =
  | PictureItem
  | (ItemPlace & (PatchStep | RemoveStep | { skipped: true; note?: AlikeError | undefined } | { error: AlikeError }))

export interface Source {
  /** Number of items, if known before they are read. */
  readonly total?: number | undefined
  /** Share of the bytes read so far, 0..1. */
  readonly share: number
  /**
   * Starts at item number `from`. Holds one item's bytes in memory at a time.
   * @throws AlikeError `archive_unreadable` where the source is damaged
   */
  items(from: number): AsyncIterable<SourceItem>
  close(): Promise<void>
}

export interface SourceLimits {
  /** Per picture. */
  uploadMaxBytes: number
  /** Everything in an archive, unpacked. */
  ingestMaxBytes: number
  ingestMaxFiles: number
  /** Metadata of one picture, as JSON. Default 16 KiB. */
  metadataMaxBytes?: number | undefined
}

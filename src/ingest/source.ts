/** What a job reads from: pictures one after the other, always in the same order, so that a job can go on where it stopped. */
import type { AlikeError } from '../errors.js'
import type { Metadata } from '../gallery/records.js'
import type { LitterRule } from './litter.js'
import type { NameEncoding } from './name-encoding.js'

export const sourceKinds = ['files', 'tar', 'tar.gz', 'tar.zst', 'zip', 'ndjson', 'urls', 's3', 'folder'] as const
export type SourceKind = (typeof sourceKinds)[number]
export type ArchiveKind = Extract<SourceKind, 'tar' | 'tar.gz' | 'tar.zst' | 'zip'>

/** Kept in the job's record: all that is needed to open the source again. */
export interface SourceDescription {
  kind: SourceKind
  /** Label of pictures that lie in no folder. */
  label?: string | undefined
  /** Of names of which the archive itself does not say what they are. */
  nameEncoding?: NameEncoding | undefined
  /** Of a manifest as CSV; left out: UTF-8, or what its byte order mark says. */
  manifestEncoding?: NameEncoding | undefined
  /** Default `skip`. */
  litter?: LitterRule | undefined
  /** Of `s3`: the pictures are the objects of the bucket whose keys begin with the prefix. */
  bucket?: string
  prefix?: string
  /** Of `folder`: the watched folder that the paths of the list start from. */
  folder?: string
  /** Of the upload as it was received; jobs of older versions have neither, and nothing was received of `s3`. */
  bytes?: number
  crc32?: number
}

/** What is said of a picture. */
export interface SaidOfImage {
  id: string
  /** Left out: what is stored stays. */
  label?: string | null | undefined
  /** The same. */
  metadata?: Metadata
  /** Where its owner has it, as the upload says. */
  reference?: string | undefined
  /** Where it is read from, where the source knows that. */
  origin?: string | undefined
  /** An earlier picture of the same upload has this id: what comes later stays. */
  repeats?: boolean | undefined
}

/** A picture that is read when it is its turn. */
export interface PictureElsewhere {
  /** Of the picture, as far as it is known before. */
  size: number
  /** @returns undefined when the picture is passed over: it has changed or gone since it was listed, and will be listed again */
  read(signal: AbortSignal): Promise<Buffer | undefined>
}

export interface ItemPlace {
  /** Position in the source, from 0; the same each time the source is read. */
  index: number
  /** As the source calls it. */
  name: string
  /** See `ReadName`. */
  isNameAssumed?: boolean | undefined
}

/** One picture, wherever its bytes are. */
export type PictureItem = ItemPlace & SaidOfImage & ({ bytes: Buffer } | { url: string } | PictureElsewhere)

/** One picture, one to be removed, what is passed over (with a note where that is to be told), or why there is none in this place. */
export type SourceItem =
  | PictureItem
  | (ItemPlace & ({ remove: string } | { skipped: true; note?: AlikeError | undefined } | { error: AlikeError }))

export interface Source {
  /** Items, where it is known before they are read. */
  readonly total?: number
  /** Part of the bytes that was read so far, 0..1. */
  readonly share: number
  /**
   * From item number `from` on. One item's bytes are in memory at a time.
   * @throws AlikeError `archive_unreadable` where the source is damaged
   */
  items(from: number): AsyncIterable<SourceItem>
  close(): Promise<void>
}

export interface SourceLimits {
  /** Of one picture. */
  uploadMaxBytes: number
  /** Of everything in an archive, unpacked. */
  ingestMaxBytes: number
  ingestMaxFiles: number
  /** Of the metadata of one picture, as JSON. Default 16 KiB. */
  metadataMaxBytes?: number | undefined
}

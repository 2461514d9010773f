/** What a gallery stores, as the rest of Alike sees it. */
import { AlikeError } from '../errors.js'
import { nfc } from '../text.js'
import type { Filter } from './filter.js'
import { fits } from './fits.js'
import type { GalleryRules } from './gallery-options.js'
import type { Metadata } from './metadata.js'
import type { Precondition } from './precondition.js'

export interface GalleryRecord {
  name: string
  /** New for each creation, so that a deleted and recreated gallery is never taken for the old one. */
  uid: string
  /** Uid of the serving embedding set. */
  setUid: string
  /** The model that produced every embedding in it. */
  modelId: string
  dimension: number
  /** Name of the engine that stores it. */
  engine: string
  /** Free-form settings of the owner, stored unchanged. */
  settings: Metadata
  rules: GalleryRules
  /** Live pictures. */
  count: number
  /** The record is damaged on disk: only the name is known, and the gallery can only be deleted. */
  unreadable?: 'record'
  createdAt: string
  updatedAt: string
}

export interface ImageRecord {
  /** Chosen by the caller. */
  id: string
  label: string | null
  metadata: Metadata
  /** `metadata`: the stored metadata is unreadable, and empty here. `record`: everything but the id is unreadable. */
  unreadable?: 'metadata' | 'record'
  /** SHA-256 of the picture's bytes, hex. */
  contentHash: string
  /** The original in its owner's storage: `https://…`, `s3://bucket/key`, or `file:///…` in a watched folder. */
  reference?: string
  modelId: string
  /** Pixels after orientation. */
  width: number
  height: number
  format: string
  bytes: number
  /** Size of the stored thumbnail; 0 if there is none. */
  thumbnailBytes: number
  /** First stored under this id; an upsert keeps it. */
  createdAt: string
  updatedAt: string
}

export interface NewImage {
  id: string
  label: string | null
  metadata: Metadata
  contentHash: string
  /** See `ImageRecord`. Undefined: keeps the stored reference while the content is the same. */
  reference?: string | undefined
  modelId: string
  /** [dimension], unit length. */
  vector: Float32Array
  width: number
  height: number
  format: string
  bytes: number
  /** JPEG; none is stored if undefined. */
  thumbnail?: Uint8Array | undefined
  /**
   * Descriptor for near-copies, see `copies/copy-descriptor.ts`; empty for a picture without features. Undefined:
   * computed later, from the thumbnail.
   */
  copyDescriptor?: Uint8Array | undefined
  /** When a picture copied from another set was first stored, ISO 8601. Undefined: now. */
  createdAt?: string | undefined
  /**
   * When a picture copied with its times was last changed; these replace the stored times. Undefined: now.
   */
  updatedAt?: string | undefined
}

/**
 * The reference to store: the stored one does not apply to different content, and a picture copied from another set
 * brings its own.
 */
export function referenceOf(
  image: Pick<NewImage, 'contentHash' | 'reference' | 'createdAt'>,
  former: Pick<ImageRecord, 'contentHash' | 'reference'> | undefined,
): string | undefined {
  if (image.createdAt !== undefined) return image.reference
  return image.reference ?? (former?.contentHash === image.contentHash ? former.reference : undefined)
}

/**
 * Id and label in the form that is stored. A picture copied from another set keeps the form it has there, which may be
 * that of an older version: otherwise it would be another picture here.
 */
export function storedTexts({ id, label, createdAt }: Pick<NewImage, 'id' | 'label' | 'createdAt'>): {
  id: string
  label: string | null
} {
  return createdAt === undefined ? { id: nfc(id), label: label && nfc(label) } : { id, label }
}

/** The results of processing a picture's content. */
export type SeenImage = Pick<NewImage, 'vector' | 'thumbnail' | 'copyDescriptor' | 'width' | 'height' | 'format'>

/** Everything stored about a picture. */
export interface WholeImage extends SeenImage {
  record: ImageRecord
}

/** Omitted fields are unchanged; `label: null` removes the label; `metadata` replaces the stored one as a whole. */
export interface ImageChange {
  label?: string | null
  metadata?: Metadata
  /** Instead of `metadata`. */
  merge?: MetadataMerge | undefined
  /** Only of a picture with this content and label: any other counts as missing. */
  of?: Pick<ImageRecord, 'contentHash' | 'label'> | undefined
  /** Only of a picture that matches when it is written: any other counts as missing. */
  fitting?: Filter | undefined
}

/** See `mergedMetadata`. */
export interface MetadataMerge {
  members: Metadata
  /** Size that the merged metadata may have, as JSON. Default 16 KiB. */
  maxBytes?: number | undefined
}

/** Whether a stored picture is the one that the change is for. */
export function isMeant({ of, fitting }: ImageChange, stored: ImageRecord): boolean {
  return (
    (of === undefined || (of.contentHash === stored.contentHash && of.label === stored.label)) &&
    (fitting === undefined || fits(stored, fitting))
  )
}

export interface PutResult {
  /** False if it replaced a picture that had this id. */
  created: boolean
}

/** Undefined members keep their stored value as of the time of writing; if nothing is stored, `null` and `{}`. */
export interface PutImage extends Omit<NewImage, 'label' | 'metadata'> {
  label?: string | null | undefined
  metadata?: Metadata | undefined
}

export interface PutStep {
  put: PutImage
  /** Changes nothing if the same content, label and metadata are stored, of the same model, at the time of writing. */
  unlessSame?: boolean | undefined
  onlyIf?: Precondition | undefined
}

export interface RemoveStep {
  remove: string
  /** Only a picture with this content: another one, by which it was replaced, stays. */
  contentHash?: string | undefined
  onlyIf?: Precondition | undefined
}

export interface PatchStep {
  patch: string
  change: ImageChange
  onlyIf?: Precondition | undefined
}

/** Whether storing it would change nothing. Metadata came through JSON and keeps the order of members as sent. */
export function isSameImage(
  former: ImageRecord,
  image: Pick<NewImage, 'contentHash' | 'modelId' | 'label' | 'metadata' | 'reference'>,
): boolean {
  return (
    former.contentHash === image.contentHash &&
    former.modelId === image.modelId &&
    former.label === image.label &&
    former.reference === image.reference &&
    JSON.stringify(former.metadata) === JSON.stringify(image.metadata)
  )
}

/** One of several changes that are committed together, in order. */
export type ImageStep = PutStep | PatchStep | RemoveStep

export function idOfStep(step: ImageStep): string {
  if ('put' in step) return step.put.id
  return 'patch' in step ? step.patch : step.remove
}

export type RefusedCode =
  | 'image_not_found'
  | 'image_damaged'
  | 'precondition_failed'
  | 'metadata_too_large'
  | 'gallery_full'

/**
 * The outcome of a step; `unchanged`: the same was stored; `absent`: there was nothing to delete; `refused`: nothing
 * was changed, for this reason, and the other steps are not affected.
 */
export type StepResult =
  | PutResult
  | { unchanged: true }
  | { patched: true }
  | { refused: RefusedCode }
  | { removed: true }
  | { absent: true }

/** Why a new picture is refused in a gallery that holds as many as it may. */
export function galleryFull(maxImages: number): AlikeError {
  return new AlikeError('gallery_full', { detail: `The maximum is ${maxImages} pictures.` })
}

/** For a step alone. @throws AlikeError with one of these codes */
export function expectAccepted([result]: readonly StepResult[]): void {
  if (result !== undefined && 'refused' in result) throw new AlikeError(result.refused)
}

/** The record of a picture that was put alone, after the write. */
export interface StoredImage {
  record: ImageRecord
  created: boolean
}

export interface ListedImage extends ImageRecord {
  /** [dimension], unit length, if embeddings were requested; null: it is damaged. Of the same moment as the record. */
  vector?: Float32Array | null
}

export interface ImagePage {
  /** By id, ascending; no more than fit one answer. */
  images: ListedImage[]
  /** The id after which the next page begins; absent on the last page. */
  next?: string
}

export interface LabelCount {
  label: string | null
  count: number
}

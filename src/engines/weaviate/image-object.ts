/** Converts a picture to an object of a collection, and back. */
import { generateUuid5 } from 'weaviate-client'
import { AlikeError } from '../../errors.js'
import type { Filter } from '../../gallery/filter.js'
import { asksMetadata, type Filtered } from '../../gallery/fits.js'
import type { HitFields } from '../../gallery/hit-record.js'
import type { ImageRecord, NewImage, SeenImage, WholeImage } from '../../gallery/records.js'
import { readStored } from '../../gallery/stored-json.js'
import { nfc } from '../../text.js'
import { tokensOf, undescribedToken } from './filter-tokens.js'
import { firstWordOf, type WordName, wordProperties } from './id-words.js'

/** The properties beside the vector. Empty ones are omitted. */
export interface ImageProperties extends Record<WordName, number> {
  imageId: string
  label?: string | null
  /** JSON, as received. */
  metadata: string
  contentHash: string
  reference?: string | null
  modelId: string
  width: number
  height: number
  format: string
  bytes: number
  thumbnailBytes: number
  createdAt: string
  updatedAt: string
  /** Unique stamp in the order of storage. Changing label or metadata keeps it. */
  stamp: number
  /** Base64. */
  thumbnail?: string
  descriptor?: string
  /** Features have been searched for: without a descriptor there were none. */
  isDescribed: boolean
  /** See `filter-tokens.ts`. */
  tokens: string[]
  /** First word of the label; 0 if there is none. */
  labelWord: number
}
export type PropertyName = keyof ImageProperties

/** An object with the requested properties. */
export interface Found {
  uuid: string
  properties: Partial<ImageProperties>
  /** [dimension]; empty unless requested. */
  vector: readonly number[]
  /** In a search: 1 − cosine, as rounded by the server. */
  distance?: number | undefined
  /** When it was written, by the clock of the node that wrote it; milliseconds since 1970; not of hits. */
  updateTime?: number | undefined
  /** In a list: the replicas that were compared have the same version, now at least. */
  isConsistent?: boolean | undefined
}

/** The server has been seen to find an object twice in one search, and then not another one, under load (1.39.0). */
export function distinct(found: readonly Found[]): Found[] {
  return [...new Map(found.map((one) => [one.uuid, one])).values()]
}

interface Returned {
  uuid: string
  properties: object
  vectors?: object | undefined
  metadata?: { distance?: number; updateTime?: Date; isConsistent?: boolean } | undefined
}

export function foundOf({ uuid, properties, vectors, metadata }: Returned): Found {
  const { default: vector = [] } = (vectors ?? {}) as { default?: number[] }
  const { distance, updateTime, isConsistent } = metadata ?? {}
  return {
    uuid,
    properties: properties as Partial<ImageProperties>,
    vector,
    distance,
    updateTime: updateTime?.getTime(),
    isConsistent,
  }
}

export const recordProperties = [
  'imageId',
  'label',
  'metadata',
  'contentHash',
  'reference',
  'modelId',
  'width',
  'height',
  'format',
  'bytes',
  'thumbnailBytes',
  'createdAt',
  'updatedAt',
  'stamp',
] as const satisfies PropertyName[]
export const seenProperties = [
  'width',
  'height',
  'format',
  'thumbnail',
  'descriptor',
  'isDescribed',
] as const satisfies PropertyName[]
export const wholeProperties = [...recordProperties, ...seenProperties] as const
export const hitProperties = [
  'imageId',
  'label',
  'contentHash',
  'modelId',
  'thumbnailBytes',
  'stamp',
] as const satisfies PropertyName[]

/** The same for an id in any Unicode form. */
export function uuidOf(id: string): string {
  return generateUuid5(nfc(id))
}

export interface StoredAs {
  createdAt: string
  updatedAt: string
  stamp: number
}

/** @param image with id and label in their stored form */
export function propertiesOf(image: NewImage, { createdAt, updatedAt, stamp }: StoredAs): ImageProperties {
  const { id, label, metadata, thumbnail, copyDescriptor } = image
  return {
    ...wordProperties(id),
    imageId: id,
    contentHash: image.contentHash,
    ...(image.reference !== undefined && { reference: image.reference }),
    modelId: image.modelId,
    width: image.width,
    height: image.height,
    format: image.format,
    bytes: image.bytes,
    thumbnailBytes: thumbnail?.byteLength ?? 0,
    createdAt,
    updatedAt,
    stamp,
    ...(thumbnail !== undefined && { thumbnail: base64(thumbnail) }),
    ...(copyDescriptor !== undefined && copyDescriptor.byteLength > 0 && { descriptor: base64(copyDescriptor) }),
    isDescribed: copyDescriptor !== undefined,
    ...describingProperties({ label, metadata }, thumbnail !== undefined && copyDescriptor === undefined),
  }
}

/** Label, metadata and everything derived from them. */
export function describingProperties(
  { label, metadata }: Pick<ImageRecord, 'label' | 'metadata'>,
  isUndescribed: boolean,
): Pick<ImageProperties, 'label' | 'metadata' | 'tokens' | 'labelWord'> {
  return {
    ...(label !== null && { label }),
    metadata: JSON.stringify(metadata),
    tokens: [...tokensOf({ label, metadata }), ...(isUndescribed ? [undescribedToken] : [])],
    labelWord: label === null ? 0 : firstWordOf(label),
  }
}

/** null: it is damaged. */
export function vectorOf({ vector }: Pick<Found, 'vector'>): Float32Array | null {
  return vector.length === 0 ? null : Float32Array.from(vector)
}

/** From an object read with `recordProperties`. */
export function recordOf({ properties }: Found): ImageRecord {
  const { imageId, label, metadata, stamp: _, ...rest } = properties as ImageProperties
  const read = readStored(metadata)
  const { contentHash, reference, modelId, width, height, format, bytes, thumbnailBytes, createdAt, updatedAt } = rest
  return {
    id: imageId,
    label: label ?? null,
    metadata: read ?? {},
    ...(read === undefined && { unreadable: 'metadata' as const }),
    contentHash,
    ...(reference && { reference }),
    modelId,
    width,
    height,
    format,
    bytes,
    thumbnailBytes,
    createdAt,
    updatedAt,
  }
}

/** From an object read with `seenProperties` and its vector. */
export function seenOf({ properties, vector }: Found): SeenImage {
  const { width = 0, height = 0, format = '', isDescribed } = properties
  const thumbnail = bytesOf(properties.thumbnail)
  return {
    vector: Float32Array.from(vector),
    ...(thumbnail !== undefined && { thumbnail }),
    copyDescriptor: isDescribed ? (bytesOf(properties.descriptor) ?? new Uint8Array(0)) : undefined,
    width,
    height,
    format,
  }
}

/** From an object read with `wholeProperties` and its vector. @throws AlikeError `image_damaged` */
export function wholeOf(found: Found): WholeImage {
  const record = recordOf(found)
  if (record.unreadable !== undefined) throw new AlikeError('image_damaged')
  return { record, ...seenOf(found) }
}

export function hitFieldsOf({ properties }: Found): HitFields {
  const { imageId, label, contentHash, modelId, thumbnailBytes } = properties as ImageProperties
  return { id: imageId, label: label ?? null, contentHash, modelId, thumbnailBytes }
}

export function bytesOf(base64Text: string | undefined | null): Uint8Array | undefined {
  return base64Text ? Buffer.from(base64Text, 'base64') : undefined
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** What a filter has to see of an object. */
export function filteredProperties(filter: Filter) {
  const ofAll = ['imageId', 'label'] as const
  return asksMetadata(filter) ? ([...ofAll, 'metadata'] as const) : ofAll
}

/** From an object read with `filteredProperties`. */
export function filteredOf({ properties: { imageId = '', label, metadata } }: Found): Filtered {
  return { id: imageId, label: label ?? null, metadata: (metadata && readStored(metadata)) || {} }
}

/**
 * The part of a picture's record that ranking and answers need: hits are numerous, so nothing else is kept in memory.
 */
import type { GroupKey } from '../ranking/groups.js'
import type { Metadata } from './metadata.js'
import type { ImageRecord } from './records.js'
import { readStored } from './stored-json.js'

export type HitFields = Pick<ImageRecord, 'id' | 'label' | 'contentHash' | 'modelId' | 'thumbnailBytes'>

interface HitExtras {
  groupKeys?: readonly GroupKey[] | undefined
  metadataText?: string | undefined
  isDamaged?: boolean | undefined
}

export class HitRecord implements HitFields {
  readonly id: string
  readonly label: string | null
  readonly contentHash: string
  readonly modelId: string
  readonly thumbnailBytes: number
  /** Values of the field that hits are grouped by; undefined without grouping. */
  readonly groupKeys: readonly GroupKey[] | undefined
  /** JSON; undefined if it was not requested, or the picture has just been deleted. */
  readonly metadataText: string | undefined
  /** Its record does not match its checksum: only the id is known. */
  readonly isDamaged: boolean

  constructor(
    { id, label, contentHash, modelId, thumbnailBytes }: HitFields,
    { groupKeys, metadataText, isDamaged = false }: HitExtras = {},
  ) {
    this.id = id
    this.label = label
    this.contentHash = contentHash
    this.modelId = modelId
    this.thumbnailBytes = thumbnailBytes
    this.groupKeys = groupKeys
    this.metadataText = metadataText
    this.isDamaged = isDamaged
  }

  /** Parsed each time; empty if it was not requested or cannot be read. */
  get metadata(): Metadata {
    return (this.metadataText === undefined ? undefined : readStored(this.metadataText)) ?? {}
  }

  withMetadata(metadataText: string | undefined): HitRecord {
    return new HitRecord(this, { groupKeys: this.groupKeys, metadataText, isDamaged: this.isDamaged })
  }
}

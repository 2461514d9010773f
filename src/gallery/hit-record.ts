/** What ranking and answers need of a picture's record: hits are many, so no more of it is kept in memory. */
import type { GroupKey } from '../ranking/groups.js'
import type { ImageRecord, Metadata } from './records.js'
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
  /** Values of the field that hits are grouped by; undefined when they are not. */
  readonly groupKeys: readonly GroupKey[] | undefined
  /** JSON; undefined when it was not asked for, or the picture was removed in this moment. */
  readonly metadataText: string | undefined
  /** Its record does not have its checksum: only the id is told. */
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

  /** Read each time; empty when it was not asked for or can not be read. */
  get metadata(): Metadata {
    return (this.metadataText === undefined ? undefined : readStored(this.metadataText)) ?? {}
  }

  withMetadata(metadataText: string | undefined): HitRecord {
    return new HitRecord(this, { groupKeys: this.groupKeys, metadataText, isDamaged: this.isDamaged })
  }
}

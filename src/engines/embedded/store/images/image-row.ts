/** A picture's row: its key, its checksum and its public form. The only place that converts slots to keys. */
import { fieldValues } from '../../../../gallery/field-values.js'
import type { ImageRecord } from '../../../../gallery/records.js'
import { readStored } from '../../../../gallery/stored-json.js'
import { SlotHit } from '../../slot-hit.js'
import { slotsMax } from '../catalogue/set-table.js'
import { checksumOfValues } from '../database/checksum.js'
import { damaged } from '../database/database.js'

export interface ImageRow {
  key: number
  gallery: number
  id: string
  label: string | null
  metadata: string
  content_hash: string
  model_id: string
  width: number
  height: number
  format: string
  bytes: number
  thumbnail: number
  created_at: string
  updated_at: string
  /** Also null in rows written before references existed. */
  reference: string | null
}
export type StoredRow = ImageRow & { checksum: number }

/** The columns covered by the checksum, in order. */
export const columns = [
  'key',
  'gallery',
  'id',
  'label',
  'metadata',
  'content_hash',
  'model_id',
  'width',
  'height',
  'format',
  'bytes',
  'thumbnail',
  'created_at',
  'updated_at',
  'reference',
] as const satisfies readonly (keyof ImageRow)[]

export interface ImageTableOptions {
  /**
   * How a record that fails its checksum is treated. `refused`: reading fails; `named`: a picture with only its id.
   * Default `refused`.
   */
  damagedRecords?: 'refused' | 'named' | undefined
}

export function keyOf(gallery: number, slot: number): number {
  return gallery * slotsMax + slot
}

/** Keys for one statement, because each statement takes and releases the database's locks. */
export function keysOf(gallery: number, slots: readonly number[]): string {
  return JSON.stringify(slots.map((slot) => keyOf(gallery, slot)))
}

export function slotOf(key: number): number {
  return key % slotsMax
}

export function hitOf(row: ImageRow, groupBy: string | undefined): SlotHit {
  const slot = slotOf(row.key)
  const hit = {
    id: row.id,
    label: row.label,
    contentHash: row.content_hash,
    modelId: row.model_id,
    thumbnailBytes: row.thumbnail,
  }
  if (groupBy === undefined) return new SlotHit(slot, hit)
  const metadata = groupBy === 'label' ? {} : (readStored(row.metadata) ?? {})
  return new SlotHit(slot, hit, { groupKeys: fieldValues({ label: row.label, metadata }, groupBy) })
}

/** None of it can be trusted, not even the id, but the picture is found by that id. */
export function damagedHit({ key, id }: ImageRow): SlotHit {
  return new SlotHit(
    slotOf(key),
    {
      id: String(id),
      label: null,
      contentHash: `unreadable ${key}`,
      modelId: '',
      thumbnailBytes: 0,
    },
    { isDamaged: true },
  )
}

export function damagedRecord({ id }: ImageRow): ImageRecord {
  const nothing = {
    label: null,
    metadata: {},
    contentHash: '',
    modelId: '',
    width: 0,
    height: 0,
    format: '',
    bytes: 0,
    thumbnailBytes: 0,
    createdAt: '',
    updatedAt: '',
  }
  return { id: String(id), unreadable: 'record', ...nothing }
}

export function recordOf(row: ImageRow): ImageRecord {
  const metadata = readStored(row.metadata)
  return {
    id: row.id,
    label: row.label,
    metadata: metadata ?? {},
    ...(metadata === undefined && { unreadable: 'metadata' }),
    contentHash: row.content_hash,
    ...(row.reference !== null && { reference: row.reference }),
    modelId: row.model_id,
    width: row.width,
    height: row.height,
    format: row.format,
    bytes: row.bytes,
    thumbnailBytes: row.thumbnail,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

/** Every hit of every search passes here: naming the columns takes half as long as going through their names. */
export function checksumOfImage(row: ImageRow): number {
  const { key, gallery, id, label, metadata, content_hash, model_id, width, height, format, bytes, thumbnail } = row
  const { created_at, updated_at, reference } = row
  const first = [key, gallery, id, label, metadata, content_hash, model_id, width, height, format, bytes, thumbnail]
  return checksumOfValues(known([...first, created_at, updated_at, reference ?? null]))
}

/** The last column was added later: older rows have a checksum without it. */
export function known<Value>(values: Value[]): Value[] {
  return values.at(-1) === null ? values.slice(0, -1) : values
}

/**
 * Whether a record matches its checksum.
 * @throws AlikeError `data_unreadable` if it does not, unless damaged records are named
 */
export function isWhole(row: StoredRow, namesDamaged: boolean): boolean {
  if (checksumOfImage(row) === row.checksum) return true
  if (namesDamaged) return false
  throw damaged('The record of a picture does not have the checksum it was stored with.')
}

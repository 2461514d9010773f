/** Adds, changes and removes pictures with all their associated data. */
import { mergedMetadata } from '../../../gallery/merged-metadata.js'
import { type ImageChange, isMeant, type NewImage } from '../../../gallery/records.js'
import { checksumOfBytes } from './checksum.js'
import type { Database, Statement } from './database.js'
import { checksumOfImage, type ImageRow, isWhole, keyOf, recordOf, type StoredRow, slotOf } from './image-row.js'
import type { ImageTable } from './image-table.js'

export interface ImageToInsert extends NewImage {
  slot: number
  createdAt: string
  updatedAt: string
}

export class ImageWrites {
  readonly #rows: Pick<ImageTable, 'row'>
  readonly #insert: Statement<[StoredRow]>
  readonly #update: Statement<[StoredRow]>
  readonly #insertVector: Statement<[number, Uint8Array, number]>
  readonly #insertThumbnail: Statement<[number, Uint8Array, number]>
  readonly #insertDescriptor: Statement<[number, Uint8Array, number]>
  readonly #deletes: Statement<[number]>[]
  readonly #purges: Statement<[number, number, number]>[]

  constructor(database: Database, rows: Pick<ImageTable, 'row'>) {
    this.#rows = rows
    this.#insert = database.prepare(
      `INSERT INTO image VALUES (@key, @gallery, @id, @label, @metadata, @content_hash, @model_id, @width, @height,
         @format, @bytes, @thumbnail, @created_at, @updated_at, @checksum, @reference)`,
    )
    this.#update = database.prepare(
      'UPDATE image SET label = @label, metadata = @metadata, updated_at = @updated_at, checksum = @checksum WHERE key = @key',
    )
    this.#insertVector = database.prepare('INSERT INTO embedding VALUES (?, ?, ?)')
    this.#insertThumbnail = database.prepare('INSERT INTO thumbnail VALUES (?, ?, ?)')
    this.#insertDescriptor = database.prepare('INSERT INTO copy_descriptor VALUES (?, ?, ?)')
    const tables = ['copy_descriptor', 'thumbnail', 'embedding', 'image']
    this.#deletes = tables.map((table) => database.prepare(`DELETE FROM ${table} WHERE key = ?`))
    this.#purges = tables.map((table) => database.prepare(`DELETE FROM ${table} WHERE key >= ? AND key < ? LIMIT ?`))
  }

  insert(gallery: number, image: ImageToInsert): void {
    const key = keyOf(gallery, image.slot)
    const row: ImageRow = {
      key,
      gallery,
      id: image.id,
      label: image.label,
      metadata: JSON.stringify(image.metadata),
      content_hash: image.contentHash,
      model_id: image.modelId,
      width: image.width,
      height: image.height,
      format: image.format,
      bytes: image.bytes,
      thumbnail: image.thumbnail?.length ?? 0,
      created_at: image.createdAt,
      updated_at: image.updatedAt,
      reference: image.reference ?? null,
    }
    this.#insert.run({ ...row, checksum: checksumOfImage(row) })
    const vector = new Uint8Array(image.vector.buffer, image.vector.byteOffset, image.vector.byteLength)
    this.#insertVector.run(key, vector, checksumOfBytes(key, vector))
    if (image.copyDescriptor)
      this.#insertDescriptor.run(key, image.copyDescriptor, checksumOfBytes(key, image.copyDescriptor))
    if (image.thumbnail?.length) this.#insertThumbnail.run(key, image.thumbnail, checksumOfBytes(key, image.thumbnail))
  }

  /**
   * Omitted fields keep their values; everything else about a picture is fixed with its slot.
   * @returns the slot; or why nothing was changed: there is no picture with this id, or not the one that is meant, or it is
   * damaged, or its merged metadata would be too large
   */
  change(
    gallery: number,
    id: string,
    change: ImageChange,
    at: string,
  ): number | 'image_not_found' | 'image_damaged' | 'metadata_too_large' {
    const row = this.#rows.row(gallery, id)
    if (row === undefined) return 'image_not_found'
    if (!isWhole(row, true)) return 'image_damaged'
    const stored = recordOf(row)
    if (!isMeant(change, stored)) return 'image_not_found'
    const { label, merge } = change
    const metadata = merge === undefined ? change.metadata : mergedMetadata(stored, merge)
    if (typeof metadata === 'string') return metadata
    const changed: ImageRow = {
      ...row,
      label: label === undefined ? row.label : label,
      metadata: metadata === undefined ? row.metadata : JSON.stringify(metadata),
      updated_at: at,
    }
    this.#update.run({ ...changed, checksum: checksumOfImage(changed) })
    return slotOf(row.key)
  }

  delete(gallery: number, slot: number): void {
    for (const statement of this.#deletes) statement.run(keyOf(gallery, slot))
  }

  /** Removes up to `limit` rows of each kind of a deleted gallery; false when none are left. */
  purge(gallery: number, limit: number): boolean {
    let removed = 0
    for (const statement of this.#purges)
      removed += statement.run(keyOf(gallery, 0), keyOf(gallery + 1, 0), limit).changes
    return removed > 0
  }
}

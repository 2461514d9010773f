/** Writes, changes and removes the rows of pictures: records, embeddings, thumbnails and copy descriptors. */
import type { NewImage } from '../../../../gallery/records.js'
import { checksumOfBytes } from '../database/checksum.js'
import type { Database, Statement } from '../database/database.js'
import { checksumOfImage, type ImageRow, keyOf, type StoredRow } from './image-row.js'

export interface ImageToInsert extends NewImage {
  slot: number
  createdAt: string
  updatedAt: string
}

export class ImageWrites {
  readonly #insert: Statement<[StoredRow]>
  readonly #update: Statement<[StoredRow]>
  readonly #insertVector: Statement<[number, Uint8Array, number]>
  readonly #insertThumbnail: Statement<[number, Uint8Array, number]>
  readonly #insertDescriptor: Statement<[number, Uint8Array, number]>
  readonly #deletes: Statement<[number]>[]
  readonly #purges: Statement<[number, number, number]>[]

  constructor(database: Database) {
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

  /** Writes label, metadata and the time of their change. */
  update(row: ImageRow): void {
    this.#update.run({ ...row, checksum: checksumOfImage(row) })
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

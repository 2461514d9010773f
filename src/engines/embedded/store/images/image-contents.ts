/** Data stored beside the picture records: embeddings and thumbnails. */
import { AlikeError } from '../../../../errors.js'
import type { StoredThumbnail } from '../../../../gallery/engine.js'
import type { ImageRecord, SeenImage } from '../../../../gallery/records.js'
import { checksumOfBytes, expectChecksum } from '../database/checksum.js'
import { type Database, damaged, type Statement } from '../database/database.js'
import { type ImageRow, type ImageTableOptions, isWhole, keysOf, type StoredRow, slotOf } from './image-row.js'
import type { ImageTable } from './image-table.js'

interface VectorRow {
  key: number
  vector: Buffer
  checksum: number
}

export class ImageContents {
  readonly #rows: Pick<ImageTable, 'row'>
  readonly #namesDamaged: boolean
  readonly #vector: Statement<[number], VectorRow>
  /** A JSON array of keys. */
  readonly #vectors: Statement<[string], VectorRow>
  readonly #thumbnail: Statement<[number], { webp: Buffer; checksum: number }>

  constructor(database: Database, rows: Pick<ImageTable, 'row'>, { damagedRecords = 'refused' }: ImageTableOptions) {
    this.#rows = rows
    this.#namesDamaged = damagedRecords === 'named'
    this.#vector = database.prepare('SELECT * FROM embedding WHERE key = ?')
    this.#vectors = database.prepare('SELECT * FROM embedding WHERE key IN (SELECT value FROM json_each(?))')
    this.#thumbnail = database.prepare('SELECT webp, checksum FROM thumbnail WHERE key = ?')
  }

  /** @throws AlikeError as `thumbnail` does */
  vector(gallery: number, id: string): Float32Array | undefined {
    const read = (row: StoredRow) => {
      isWhole(row, this.#namesDamaged) // throws if the record is damaged; the embedding has its own checksum
      const vector = this.#vectorOf(row.key)
      if (vector === 'damaged') throw new AlikeError('image_damaged')
      return vector
    }
    return this.#beside(gallery, id, read, 'An embedding is missing.') ?? undefined
  }

  /** Keyed by slot; removed pictures are missing, and damaged embeddings if damaged pictures are named. */
  vectors(gallery: number, slots: readonly number[]): Map<number, Float32Array> {
    const found = new Map<number, Float32Array>()
    for (const row of this.#vectors.all(keysOf(gallery, slots))) {
      const vector = this.#read(row)
      if (vector !== 'damaged') found.set(slotOf(row.key), vector)
    }
    return found
  }

  /** @throws AlikeError `image_damaged` if it is damaged and damaged pictures are named */
  thumbnail(gallery: number, id: string): StoredThumbnail | undefined {
    const read = (row: StoredRow) => {
      const bytes = isWhole(row, this.#namesDamaged) ? this.#thumbnailOf(row) : 'damaged'
      if (bytes === 'damaged') throw new AlikeError('image_damaged')
      return bytes === undefined ? undefined : { bytes: bytes ?? undefined, contentHash: row.content_hash }
    }
    return this.#beside(gallery, id, read, 'A thumbnail is missing.')
  }

  /**
   * The earlier results for the same content, if they are stored undamaged under this id.
   * @param descriptorAt of a slot; a picture older than descriptors is processed again and then has one
   */
  seen(
    gallery: number,
    { id, contentHash, modelId }: Pick<ImageRecord, 'id' | 'contentHash' | 'modelId'>,
    descriptorAt: (slot: number) => Uint8Array | undefined,
  ): SeenImage | undefined {
    const read = (row: StoredRow): SeenImage | null | undefined => {
      if (!isWhole(row, this.#namesDamaged) || row.content_hash !== contentHash || row.model_id !== modelId) return null
      const copyDescriptor = descriptorAt(slotOf(row.key))
      if (copyDescriptor === undefined) return null
      const [vector, thumbnail] = [this.#vectorOf(row.key), this.#thumbnailOf(row)]
      if (vector === undefined || thumbnail === undefined) return undefined
      if (vector === 'damaged' || thumbnail === 'damaged') return null
      const { width, height, format } = row
      return { vector, width, height, format, copyDescriptor, ...(thumbnail !== null && { thumbnail }) }
    }
    return this.#beside(gallery, id, read, 'An embedding or a thumbnail is missing.') ?? undefined
  }

  /**
   * A key is never reused: what is stored under it belongs to the record that was read. If it is missing, the record
   * may have been removed in between, so the current state is read.
   * @param read returns undefined if something is missing, null if there is none
   */
  #beside<Value>(
    gallery: number,
    id: string,
    read: (row: StoredRow) => Value | undefined,
    missing: string,
  ): Value | undefined {
    let row = this.#rows.row(gallery, id)
    while (row !== undefined) {
      const value = read(row)
      if (value !== undefined) return value
      const now = this.#rows.row(gallery, id)
      if (now?.key === row.key) throw damaged(missing)
      row = now
    }
    return undefined
  }

  #vectorOf(key: number): Float32Array | undefined | 'damaged' {
    const row = this.#vector.get(key)
    return row && this.#read(row)
  }

  #read({ key, vector, checksum }: VectorRow): Float32Array | 'damaged' {
    if (this.#namesDamaged && checksumOfBytes(key, vector) !== checksum) return 'damaged'
    expectChecksum(checksumOfBytes(key, vector), checksum, 'An embedding')
    return new Float32Array(vector.buffer.slice(vector.byteOffset, vector.byteOffset + vector.byteLength))
  }

  #thumbnailOf({ key, thumbnail }: ImageRow): Uint8Array | null | undefined | 'damaged' {
    if (thumbnail === 0) return null
    const row = this.#thumbnail.get(key)
    if (row === undefined) return undefined
    if (this.#namesDamaged && checksumOfBytes(key, row.webp) !== row.checksum) return 'damaged'
    expectChecksum(checksumOfBytes(key, row.webp), row.checksum, 'A thumbnail')
    return row.webp
  }
}

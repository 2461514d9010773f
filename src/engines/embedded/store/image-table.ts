/** The rows of pictures with their embeddings and thumbnails. Slots become keys here and nowhere else. */
import { AlikeError } from '../../../errors.js'
import type { StoredThumbnail } from '../../../gallery/engine.js'
import { fieldValues } from '../../../gallery/field-values.js'
import type { Filter } from '../../../gallery/filter.js'
import type { ImageChange, ImageRecord, NewImage, SeenImage } from '../../../gallery/records.js'
import { isTooLong, readStored } from '../../../gallery/stored-json.js'
import { nfc } from '../../../text.js'
import { SlotHit } from '../slot-hit.js'
import { checksumOfBytes, checksumOfValues, expectChecksum } from './checksum.js'
import { type Database, damaged, type Statement } from './database.js'
import { withReadable } from './filter-sql.js'
import { slotsMax } from './set-table.js'

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
  /** Null also in rows of before there were any. */
  reference: string | null
}
type StoredRow = ImageRow & { checksum: number }

/** What lies beside a record, which is null once its gallery is being removed. */
interface BesideRow {
  key: number
  gallery: number | null
  id: string | null
  bytes: Buffer
  checksum: number
}

/** What the checksum is of, in its order. */
const columns = [
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
const verifiedAtOnce = 1_000

export interface ImageToInsert extends NewImage {
  slot: number
  createdAt: string
  updatedAt: string
}

export type ImageIdentity = Pick<ImageRecord, 'id' | 'label' | 'contentHash'> & { slot: number }

export interface ImageTableOptions {
  /** What a record is that does not have its checksum: the end of the reading, or one picture of which only the id is told. Default `refused`. */
  damagedRecords?: 'refused' | 'named' | undefined
}

export interface ListOptions {
  /** Ids after this one. */
  after: string
  limit: number
  /** Characters of ids, labels and metadata; fewer pictures are listed than `limit` when they have more. */
  maxLength: number
  /** Whatever its length. */
  oneAtLeast: boolean
  /** Characters after which the list stops for now. */
  lengthOfTurn: number
  /** `null`: pictures without a label; undefined: all. */
  label?: string | null
  /** Only these, as they are stored, in their order. */
  ids?: readonly string[]
}

export class ImageTable {
  readonly #database: Database
  readonly #namesDamaged: boolean
  readonly #byId: Statement<[number, string], StoredRow>
  /** A JSON array of keys. */
  readonly #byKeys: Statement<[string], StoredRow>
  readonly #validByKeys: Statement<[string], StoredRow & { valid: number }>
  readonly #bySlot: Statement<[number, number, number], StoredRow>
  readonly #page: Statement<[number, string, number], StoredRow>
  readonly #pageOfLabel: Statement<[number, string | null, string, number], StoredRow>
  readonly #pageOfLabels: Statement<[number, string, string, string, number], StoredRow>
  readonly #vector: Statement<[number], { vector: Buffer; checksum: number }>
  readonly #thumbnail: Statement<[number], { webp: Buffer; checksum: number }>
  readonly #insert: Statement<[StoredRow]>
  readonly #update: Statement<[StoredRow]>
  readonly #insertVector: Statement<[number, Uint8Array, number]>
  readonly #insertThumbnail: Statement<[number, Uint8Array, number]>
  readonly #insertDescriptor: Statement<[number, Uint8Array, number]>
  readonly #deletes: Statement<[number]>[]
  readonly #purges: Statement<[number, number, number]>[]

  constructor(database: Database, { damagedRecords = 'refused' }: ImageTableOptions = {}) {
    this.#database = database
    this.#namesDamaged = damagedRecords === 'named'
    this.#byId = database.prepare('SELECT * FROM image WHERE gallery = ? AND id = ?')
    // iterated: one row is in memory at a time, as old ones may have metadata of any size
    this.#byKeys = database.prepare('SELECT * FROM image WHERE key IN (SELECT value FROM json_each(?))')
    this.#validByKeys = database.prepare(
      'SELECT *, json_valid(metadata) AS valid FROM image WHERE key IN (SELECT value FROM json_each(?))',
    )
    this.#bySlot = database.prepare('SELECT * FROM image WHERE key >= ? AND key < ? ORDER BY key LIMIT ?')
    this.#page = database.prepare('SELECT * FROM image WHERE gallery = ? AND id > ? ORDER BY id LIMIT ?')
    this.#pageOfLabel = database.prepare(
      'SELECT * FROM image WHERE gallery = ? AND label IS ? AND id > ? ORDER BY id LIMIT ?',
    )
    this.#pageOfLabels = database.prepare(
      'SELECT * FROM image WHERE gallery = ? AND label IN (?, ?) AND id > ? ORDER BY id LIMIT ?',
    )
    this.#vector = database.prepare('SELECT vector, checksum FROM embedding WHERE key = ?')
    this.#thumbnail = database.prepare('SELECT webp, checksum FROM thumbnail WHERE key = ?')
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

  find(gallery: number, id: string): ImageRecord | undefined {
    return this.stored(gallery, id)?.record
  }

  /** With its place. */
  stored(gallery: number, id: string): { slot: number; record: ImageRecord } | undefined {
    const row = this.#row(gallery, id)
    return row && { slot: slotOf(row.key), record: this.#isWhole(row) ? recordOf(row) : damagedRecord(row) }
  }

  /** Where it lies, whatever became of its record. */
  slot(gallery: number, id: string): number | undefined {
    const row = this.#row(gallery, id)
    return row && slotOf(row.key)
  }

  /**
   * By slot; without those that are gone.
   * @param groupBy the field whose values are kept with each
   */
  hits(gallery: number, slots: readonly number[], groupBy?: string): Map<number, SlotHit> {
    const found = new Map<number, SlotHit>()
    for (const row of this.#byKeys.iterate(keysOf(gallery, slots)))
      found.set(slotOf(row.key), this.#isWhole(row) ? hitOf(row, groupBy) : damagedHit(row))
    return found
  }

  /** JSON by slot, empty where it can not be read; without those that are gone. @param onText told of each before the next is read; what it throws ends the reading */
  metadataTexts(gallery: number, slots: readonly number[], onText: (text: string) => void): Map<number, string> {
    const found = new Map<number, string>()
    for (const row of this.#validByKeys.iterate(keysOf(gallery, slots))) {
      if (!this.#isWhole(row)) continue
      const text = row.valid === 1 && !isTooLong(row.metadata) ? row.metadata : '{}'
      onText(text)
      found.set(slotOf(row.key), text)
    }
    return found
  }

  /** @returns `more` after these: `yes`, and this is all that may be listed; `no`; or `open`, for another turn */
  list(
    gallery: number,
    { after, limit, maxLength, oneAtLeast, lengthOfTurn, label, ids }: ListOptions,
  ): { images: ImageRecord[]; length: number; more: 'yes' | 'no' | 'open' } {
    const rows =
      ids === undefined ? this.#listed(gallery, label, after, limit + 1) : this.#named(gallery, ids.slice(0, limit + 1))
    const images: ImageRecord[] = []
    let length = 0
    for (const row of rows) {
      const image = this.#isWhole(row) ? recordOf(row) : damagedRecord(row)
      const own =
        image.id.length + (image.label?.length ?? 0) + (image.unreadable === undefined ? row.metadata.length : 0)
      const isFirst = oneAtLeast && images.length === 0
      if (images.length === limit || (length + own > maxLength && !isFirst)) return { images, length, more: 'yes' }
      images.push(image)
      length += own
      if (length >= lengthOfTurn) return { images, length, more: 'open' }
    }
    return { images, length, more: 'no' }
  }

  /** Without those that are gone. */
  *#named(gallery: number, ids: readonly string[]): Generator<StoredRow> {
    for (const id of ids) {
      const row = this.#rowOfId(gallery, id)
      if (row !== undefined) yield row
    }
  }

  /** Labels are stored in NFC; those of before as they came. */
  #listed(
    gallery: number,
    label: string | null | undefined,
    after: string,
    limit: number,
  ): IterableIterator<StoredRow> {
    if (label === undefined) return this.#page.iterate(gallery, after, limit)
    const composed = label && nfc(label)
    return composed === label || composed === null || label === null
      ? this.#pageOfLabel.iterate(gallery, label, after, limit)
      : this.#pageOfLabels.iterate(gallery, label, composed, after, limit)
  }

  /** What tells pictures apart, in the order of slots; from `fromSlot` on. */
  identities(gallery: number, fromSlot: number, limit: number): ImageIdentity[] {
    const rows = this.#bySlot.all(keyOf(gallery, fromSlot), keyOf(gallery + 1, 0), limit)
    return rows.map((row) => {
      const { key, id, label, content_hash } = row
      return this.#isWhole(row)
        ? { slot: slotOf(key), id, label, contentHash: content_hash }
        : { slot: slotOf(key), id: String(id), label: null, contentHash: `unreadable ${key}` }
    })
  }

  /** Those of the slots whose pictures fit, in the order of the slots. */
  fitting(gallery: number, slots: Uint32Array, filter: Filter): Uint32Array {
    return withReadable(filter, ({ sql, parameters }) => {
      const fits = this.#database.prepare<unknown[], number>(`SELECT 1 FROM image WHERE key = ? AND (${sql})`).pluck()
      return slots.filter((slot) => fits.get(keyOf(gallery, slot), ...parameters) !== undefined)
    })
  }

  /** @throws AlikeError as `thumbnail` does */
  vector(gallery: number, id: string): Float32Array | undefined {
    const read = (row: StoredRow) => {
      this.#isWhole(row) // tells of damage; the embedding has a checksum of its own
      const vector = this.#vectorOf(row.key)
      if (vector === 'damaged') throw new AlikeError('image_damaged')
      return vector
    }
    return this.#beside(gallery, id, read, 'An embedding is missing.') ?? undefined
  }

  /** @throws AlikeError `image_damaged` for one that is damaged, where those are named */
  thumbnail(gallery: number, id: string): StoredThumbnail | undefined {
    const read = (row: StoredRow) => {
      const bytes = this.#isWhole(row) ? this.#thumbnailOf(row) : 'damaged'
      if (bytes === 'damaged') throw new AlikeError('image_damaged')
      return bytes === undefined ? undefined : { bytes: bytes ?? undefined, contentHash: row.content_hash }
    }
    return this.#beside(gallery, id, read, 'A thumbnail is missing.')
  }

  /**
   * What the same content gave before, if it is what is stored under this id, and whole.
   * @param descriptorAt of a slot; what is older than descriptors is seen anew, and has one then
   */
  seen(
    gallery: number,
    { id, contentHash, modelId }: Pick<ImageRecord, 'id' | 'contentHash' | 'modelId'>,
    descriptorAt: (slot: number) => Uint8Array | undefined,
  ): SeenImage | undefined {
    const read = (row: StoredRow): SeenImage | null | undefined => {
      if (!this.#isWhole(row) || row.content_hash !== contentHash || row.model_id !== modelId) return null
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
   * A key is never used again: what lies under it belongs to the record that was read. Where it is missing, the record
   * may have gone in between, and what is there now is looked at.
   * @param read undefined when something is missing, null when there is none
   */
  #beside<Value>(
    gallery: number,
    id: string,
    read: (row: StoredRow) => Value | undefined,
    missing: string,
  ): Value | undefined {
    let row = this.#row(gallery, id)
    while (row !== undefined) {
      const value = read(row)
      if (value !== undefined) return value
      const now = this.#row(gallery, id)
      if (now?.key === row.key) throw damaged(missing)
      row = now
    }
    return undefined
  }

  #vectorOf(key: number): Float32Array | undefined | 'damaged' {
    const row = this.#vector.get(key)
    if (row === undefined) return undefined
    if (this.#namesDamaged && checksumOfBytes(key, row.vector) !== row.checksum) return 'damaged'
    expectChecksum(checksumOfBytes(key, row.vector), row.checksum, 'An embedding')
    return new Float32Array(
      row.vector.buffer.slice(row.vector.byteOffset, row.vector.byteOffset + row.vector.byteLength),
    )
  }

  #thumbnailOf({ key, thumbnail }: ImageRow): Uint8Array | null | undefined | 'damaged' {
    if (thumbnail === 0) return null
    const row = this.#thumbnail.get(key)
    if (row === undefined) return undefined
    if (this.#namesDamaged && checksumOfBytes(key, row.webp) !== row.checksum) return 'damaged'
    expectChecksum(checksumOfBytes(key, row.webp), row.checksum, 'A thumbnail')
    return row.webp
  }

  /** Keys of the records, of all galleries, that do not have their checksum. As quick as it can be: every start reads all of them. */
  damagedKeys(): number[] {
    const page = this.#database
      .prepare<[number, number], (string | number | null)[]>(
        `SELECT ${columns.join(', ')}, checksum FROM image WHERE key > ? ORDER BY key LIMIT ?`,
      )
      .raw()
    const keys: number[] = []
    for (let after = -1; ; ) {
      const rows = page.all(after, verifiedAtOnce)
      for (const row of rows) if (checksumOfValues(known(row.slice(0, -1))) !== row.at(-1)) keys.push(row[0] as number)
      const last = rows.at(-1)
      if (last === undefined) return keys
      after = last[0] as number
    }
  }

  /**
   * Reads every row of every gallery, deleted ones included, and compares it with its checksum.
   * @param onRow told of each, so that a long walk can be ended by throwing.
   * @param onDamaged told of each picture whose record, embedding, thumbnail or copy descriptor is not whole, where those are named
   * @throws AlikeError `data_unreadable` where they are not
   */
  verifyAll(onRow: () => void, onDamaged: (row: { gallery: number; id: string }) => void): void {
    for (const row of this.#database.prepare<[], StoredRow>('SELECT * FROM image').iterate()) {
      if (!this.#isWhole(row)) onDamaged({ gallery: row.gallery, id: String(row.id) })
      onRow()
    }
    for (const [table, column, what] of [
      ['embedding', 'vector', 'An embedding'],
      ['thumbnail', 'webp', 'A thumbnail'],
      ['copy_descriptor', 'descriptor', 'A copy descriptor'],
    ] as const) {
      const rows = this.#database.prepare<[], BesideRow>(
        `SELECT key, gallery, id, ${column} AS bytes, ${table}.checksum FROM ${table} LEFT JOIN image USING (key)`,
      )
      for (const { key, gallery, id, bytes, checksum } of rows.iterate()) {
        if (!this.#namesDamaged) expectChecksum(checksumOfBytes(key, bytes), checksum, what)
        else if (checksumOfBytes(key, bytes) !== checksum && gallery !== null) onDamaged({ gallery, id: String(id) })
        onRow()
      }
    }
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

  /** What is left out stays; everything else of a picture is fixed with its slot. False when there is none of this id. */
  change(gallery: number, id: string, { label, metadata }: ImageChange, at: string): boolean {
    const row = this.#row(gallery, id)
    if (row === undefined) return false
    if (!this.#isWhole(row)) throw new AlikeError('image_damaged')
    const changed: ImageRow = {
      ...row,
      label: label === undefined ? row.label : label,
      metadata: metadata === undefined ? row.metadata : JSON.stringify(metadata),
      updated_at: at,
    }
    this.#update.run({ ...changed, checksum: checksumOfImage(changed) })
    return true
  }

  delete(gallery: number, slot: number): void {
    for (const statement of this.#deletes) statement.run(keyOf(gallery, slot))
  }

  /** Removes up to `limit` rows of each kind of a deleted gallery; false when none is left. */
  purge(gallery: number, limit: number): boolean {
    let removed = 0
    for (const statement of this.#purges)
      removed += statement.run(keyOf(gallery, 0), keyOf(gallery + 1, 0), limit).changes
    return removed > 0
  }

  /** Ids are stored in NFC, and asked for as they may be written; those of before are stored as they came. */
  #row(gallery: number, id: string): StoredRow | undefined {
    const row = this.#rowOfId(gallery, id)
    if (row !== undefined) return row
    const composed = nfc(id)
    return composed === id ? undefined : this.#rowOfId(gallery, composed)
  }

  #rowOfId(gallery: number, id: string): StoredRow | undefined {
    const row = this.#byId.get(gallery, id)
    if (row !== undefined && (row.id !== id || row.gallery !== gallery))
      throw damaged('The index of picture ids is damaged.')
    return row
  }

  /** @throws AlikeError `data_unreadable` for one that is not, unless those are named */
  #isWhole(row: StoredRow): boolean {
    if (checksumOfImage(row) === row.checksum) return true
    if (this.#namesDamaged) return false
    throw damaged('The record of a picture does not have the checksum it was stored with.')
  }
}

export function keyOf(gallery: number, slot: number): number {
  return gallery * slotsMax + slot
}

/** For one statement: each takes and gives back the locks of the database. */
function keysOf(gallery: number, slots: readonly number[]): string {
  return JSON.stringify(slots.map((slot) => keyOf(gallery, slot)))
}

export function slotOf(key: number): number {
  return key % slotsMax
}

function hitOf(row: ImageRow, groupBy: string | undefined): SlotHit {
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

/** Nothing of it can be trusted, nor its id, but by that it is found. */
function damagedHit({ key, id }: ImageRow): SlotHit {
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

function damagedRecord({ id }: ImageRow): ImageRecord {
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

function recordOf(row: ImageRow): ImageRecord {
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

export function checksumOfImage(row: ImageRow): number {
  return checksumOfValues(known(columns.map((column) => row[column] ?? null)))
}

/** The last of the columns came later: rows of before have a checksum without it. */
function known<Value>(values: Value[]): Value[] {
  return values.at(-1) === null ? values.slice(0, -1) : values
}

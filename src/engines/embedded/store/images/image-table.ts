/** Reads picture records. */
import type { Filter } from '../../../../gallery/filter.js'
import type { ImageRecord } from '../../../../gallery/records.js'
import { isTooLong } from '../../../../gallery/stored-json.js'
import { inStoredForm, nfc } from '../../../../text.js'
import type { SlotHit } from '../../slot-hit.js'
import { type Database, damaged, type Statement } from '../database/database.js'
import { withReadable } from './filter-sql.js'
import {
  damagedHit,
  damagedRecord,
  hitOf,
  type ImageTableOptions,
  isWhole,
  keyOf,
  keysOf,
  recordOf,
  type StoredRow,
  slotOf,
} from './image-row.js'

export type ImageIdentity = Pick<ImageRecord, 'id' | 'label' | 'contentHash'> & { slot: number }

export interface ListOptions {
  /** Only ids after this one. */
  after: string
  limit: number
  /** Maximum characters of ids, labels and metadata; the list may therefore hold fewer than `limit` pictures. */
  maxLength: number
  /** List at least one picture, whatever its length. */
  oneAtLeast: boolean
  /** Characters after which the list yields its turn. */
  lengthOfTurn: number
  /** Characters that each picture counts in addition. Default 0. */
  lengthOfEach?: number | undefined
  /** `null`: pictures without a label; undefined: all. */
  label?: string | null
  /** Only these ids, as stored, in this order. */
  ids?: readonly string[]
}

export interface Listed {
  images: ImageRecord[]
  /** One for each picture. */
  slots: number[]
  length: number
  /** `yes` if more follow but the page is full; `no`; or `open` if the list needs another turn. */
  more: 'yes' | 'no' | 'open'
}

/** Bytes; the metadata of nearly every picture. */
const shortMetadata = 16_384

export class ImageTable {
  readonly #database: Database
  readonly #namesDamaged: boolean
  readonly #byId: Statement<[number, string], StoredRow>
  /** A JSON array of keys. */
  readonly #byKeys: Statement<[string], StoredRow>
  readonly #shortByKeys: Statement<[string], StoredRow>
  readonly #validByKeys: Statement<[string], StoredRow & { valid: number }>
  readonly #bySlot: Statement<[number, number, number], StoredRow>
  readonly #page: Statement<[number, string, number], StoredRow>
  readonly #pageOfLabel: Statement<[number, string | null, string, number], StoredRow>
  readonly #pageOfLabels: Statement<[number, string, string, string, number], StoredRow>

  constructor(database: Database, { damagedRecords = 'refused' }: ImageTableOptions = {}) {
    this.#database = database
    this.#namesDamaged = damagedRecords === 'named'
    this.#byId = database.prepare('SELECT * FROM image WHERE gallery = ? AND id = ?')
    // read together, which costs half as much as row by row
    this.#shortByKeys = database.prepare(
      `SELECT * FROM image WHERE key IN (SELECT value FROM json_each(?)) AND octet_length(metadata) <= ${shortMetadata}`,
    )
    // iterated, one row in memory at a time, because old rows may have metadata of any size
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
  }

  find(gallery: number, id: string): ImageRecord | undefined {
    return this.stored(gallery, id)?.record
  }

  /** The record with its slot. */
  stored(gallery: number, id: string): { slot: number; record: ImageRecord } | undefined {
    const row = this.row(gallery, id)
    return (
      row && { slot: slotOf(row.key), record: isWhole(row, this.#namesDamaged) ? recordOf(row) : damagedRecord(row) }
    )
  }

  /** Does not depend on the state of its record. */
  slot(gallery: number, id: string): number | undefined {
    const row = this.row(gallery, id)
    return row && slotOf(row.key)
  }

  /**
   * Keyed by slot; removed pictures are missing.
   * @param groupBy the field whose values each hit carries
   */
  hits(gallery: number, slots: readonly number[], groupBy?: string): Map<number, SlotHit> {
    const found = new Map<number, SlotHit>()
    const add = (row: StoredRow) =>
      found.set(slotOf(row.key), isWhole(row, this.#namesDamaged) ? hitOf(row, groupBy) : damagedHit(row))
    const keys = keysOf(gallery, slots)
    for (const row of this.#shortByKeys.all(keys)) add(row)
    if (found.size < slots.length)
      for (const row of this.#byKeys.iterate(keys)) if (!found.has(slotOf(row.key))) add(row)
    return found
  }

  /**
   * JSON by slot, empty if unreadable; removed pictures are missing.
   * @param onText called for each text before the next is read; throwing ends the reading
   */
  metadataTexts(gallery: number, slots: readonly number[], onText: (text: string) => void): Map<number, string> {
    const found = new Map<number, string>()
    for (const row of this.#validByKeys.iterate(keysOf(gallery, slots))) {
      if (!isWhole(row, this.#namesDamaged)) continue
      const text = row.valid === 1 && !isTooLong(row.metadata) ? row.metadata : '{}'
      onText(text)
      found.set(slotOf(row.key), text)
    }
    return found
  }

  list(
    gallery: number,
    { after, limit, maxLength, oneAtLeast, lengthOfTurn, lengthOfEach = 0, label, ids }: ListOptions,
  ): Listed {
    const rows =
      ids === undefined ? this.#listed(gallery, label, after, limit + 1) : this.#named(gallery, ids.slice(0, limit + 1))
    const images: ImageRecord[] = []
    const slots: number[] = []
    let length = 0
    for (const row of rows) {
      const image = isWhole(row, this.#namesDamaged) ? recordOf(row) : damagedRecord(row)
      const own =
        image.id.length +
        (image.label?.length ?? 0) +
        (image.unreadable === undefined ? row.metadata.length : 0) +
        lengthOfEach
      const isFirst = oneAtLeast && images.length === 0
      if (images.length === limit || (length + own > maxLength && !isFirst))
        return { images, slots, length, more: 'yes' }
      images.push(image)
      slots.push(slotOf(row.key))
      length += own
      if (length >= lengthOfTurn) return { images, slots, length, more: 'open' }
    }
    return { images, slots, length, more: 'no' }
  }

  /** Removed pictures are missing. */
  *#named(gallery: number, ids: readonly string[]): Generator<StoredRow> {
    for (const id of ids) {
      const row = this.#rowOfId(gallery, id)
      if (row !== undefined) yield row
    }
  }

  /** Labels are stored in NFC; older ones as they were sent. */
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

  /** Picture identities in slot order, from `fromSlot` on. */
  identities(gallery: number, fromSlot: number, limit: number): ImageIdentity[] {
    const rows = this.#bySlot.all(keyOf(gallery, fromSlot), keyOf(gallery + 1, 0), limit)
    return rows.map((row) => {
      const { key, id, label, content_hash } = row
      return isWhole(row, this.#namesDamaged)
        ? { slot: slotOf(key), id, label, contentHash: content_hash }
        : { slot: slotOf(key), id: String(id), label: null, contentHash: `unreadable ${key}` }
    })
  }

  /** Those of the slots whose pictures match, in slot order. */
  fitting(gallery: number, slots: readonly number[], filter: Filter): number[] {
    // together, because a list of values costs SQLite as much for one picture as for all of them
    const keys = withReadable(filter, ({ sql, parameters }) =>
      this.#database
        .prepare<unknown[], number>(
          `SELECT key FROM image WHERE key IN (SELECT value FROM json_each(?)) AND (${sql}) ORDER BY key`,
        )
        .pluck()
        .all(keysOf(gallery, slots), ...parameters),
    )
    return keys.map(slotOf)
  }

  row(gallery: number, id: string): StoredRow | undefined {
    return inStoredForm(id, (form) => this.#rowOfId(gallery, form))
  }

  #rowOfId(gallery: number, id: string): StoredRow | undefined {
    const row = this.#byId.get(gallery, id)
    if (row !== undefined && (row.id !== id || row.gallery !== gallery))
      throw damaged('The index of picture ids is damaged.')
    return row
  }
}

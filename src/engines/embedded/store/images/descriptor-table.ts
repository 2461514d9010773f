/**
 * The rows of copy descriptors. `ImageWrites` stores and removes them with their pictures; descriptors of older data
 * are added later.
 */
import { descriptorBytes, descriptorWords } from '../../../../copies/copy-descriptor.js'
import type { Placed } from '../../slot-hit.js'
import { checksumOfBytes } from '../database/checksum.js'
import type { Database, Statement } from '../database/database.js'
import { keyOf, slotOf } from './image-row.js'

interface Row {
  key: number
  descriptor: Buffer
  checksum: number
}

/** Descriptors stored contiguously. */
export interface DescriptorRows {
  slots: Uint32Array
  /** [slots, descriptorWords]; zeros without features. */
  words: Uint32Array
  /** 1 for those known to have features. */
  hasFeatures: Uint8Array
}

/** A picture whose descriptor can be computed from stored data. */
export interface Undescribed extends Placed {
  /** WebP; empty if damaged. */
  thumbnail: Uint8Array
}

export class DescriptorTable {
  readonly #find: Statement<[number], Row>
  /** A JSON array of keys. */
  readonly #byKeys: Statement<[string], Row>
  readonly #page: Statement<[number, number, number], Row>
  readonly #ofContent: Statement<[string, number, number], number>
  readonly #undescribed: Statement<
    [number, number, number],
    { key: number; id: string; webp: Buffer; checksum: number }
  >
  readonly #add: Statement<[number, Uint8Array, number, number]>

  constructor(database: Database) {
    this.#find = database.prepare('SELECT * FROM copy_descriptor WHERE key = ?')
    this.#byKeys = database.prepare('SELECT * FROM copy_descriptor WHERE key IN (SELECT value FROM json_each(?))')
    this.#page = database.prepare('SELECT * FROM copy_descriptor WHERE key >= ? AND key < ? ORDER BY key LIMIT ?')
    this.#ofContent = database
      .prepare<[string, number, number], number>(
        'SELECT key FROM image WHERE content_hash = ? AND key >= ? AND key < ?',
      )
      .pluck()
    this.#undescribed = database.prepare(
      `SELECT key, id, webp, thumbnail.checksum AS checksum
       FROM thumbnail JOIN image USING (key) LEFT JOIN copy_descriptor USING (key)
       WHERE key >= ? AND key < ? AND copy_descriptor.key IS NULL ORDER BY key LIMIT ?`,
    )
    // only for a picture that still exists and has not been described in the meantime
    this.#add = database.prepare('INSERT OR IGNORE INTO copy_descriptor SELECT ?, ?, ? FROM image WHERE key = ?')
  }

  find(gallery: number, slot: number): Uint8Array | undefined {
    const row = this.#find.get(keyOf(gallery, slot))
    return row && wholeOf(row)
  }

  /** In the order of the given slots; zeros where there are no features or no row. */
  ofSlots(gallery: number, slots: Uint32Array): DescriptorRows {
    const rows = this.#byKeys.all(JSON.stringify(Array.from(slots, (slot) => keyOf(gallery, slot))))
    const bySlot = new Map(rows.map((row) => [slotOf(row.key), row]))
    return packed(slots, (slot) => bySlot.get(slot))
  }

  page(gallery: number, fromSlot: number, limit: number): DescriptorRows {
    const rows = this.#page.all(keyOf(gallery, fromSlot), keyOf(gallery + 1, 0), limit)
    return packed(
      Uint32Array.from(rows, ({ key }) => slotOf(key)),
      (_, i) => rows[i],
    )
  }

  /** Pictures with these bytes, whether or not they have a descriptor. */
  slotsOfContent(gallery: number, contentHash: string): number[] {
    return this.#ofContent.all(contentHash, keyOf(gallery, 0), keyOf(gallery + 1, 0)).map(slotOf)
  }

  undescribed(gallery: number, fromSlot: number, limit: number): Undescribed[] {
    const rows = this.#undescribed.all(keyOf(gallery, fromSlot), keyOf(gallery + 1, 0), limit)
    return rows.map(({ key, id, webp, checksum }) => ({
      id: String(id),
      slot: slotOf(key),
      thumbnail: checksumOfBytes(key, webp) === checksum ? webp : new Uint8Array(0),
    }))
  }

  /** @returns false if the picture is gone or already has a descriptor */
  add(gallery: number, slot: number, descriptor: Uint8Array): boolean {
    const key = keyOf(gallery, slot)
    return this.#add.run(key, descriptor, checksumOfBytes(key, descriptor), key).changes > 0
  }
}

function packed(slots: Uint32Array, rowOf: (slot: number, i: number) => Row | undefined): DescriptorRows {
  const words = new Uint32Array(slots.length * descriptorWords)
  const bytes = new Uint8Array(words.buffer)
  const hasFeatures = new Uint8Array(slots.length)
  slots.forEach((slot, i) => {
    const row = rowOf(slot, i)
    const descriptor = row && wholeOf(row)
    if (descriptor === undefined || descriptor.byteLength === 0) return
    bytes.set(descriptor, i * descriptorBytes)
    hasFeatures[i] = 1
  })
  return { slots, words, hasFeatures }
}

/**
 * A damaged descriptor counts as none: its content is meaningless, and searches work without it. Backups, which read
 * every row, report it.
 */
function wholeOf({ key, descriptor, checksum }: Row): Uint8Array | undefined {
  if (checksumOfBytes(key, descriptor) !== checksum) return undefined
  return descriptor.byteLength === 0 || descriptor.byteLength === descriptorBytes ? descriptor : undefined
}

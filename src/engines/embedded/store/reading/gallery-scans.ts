/** Scans over a whole gallery or database; they run in the reader thread. */

import { FieldCounts, fieldBounds, type GalleryFields } from '../../../../gallery/fields.js'
import type { Filter } from '../../../../gallery/filter.js'
import type { LabelCount } from '../../../../gallery/records.js'
import { readStored } from '../../../../gallery/stored-json.js'
import { GalleryTable } from '../catalogue/gallery-table.js'
import { type SetRow, SetTable } from '../catalogue/set-table.js'
import { checkRows, checksumOfBytes } from '../database/checksum.js'
import { type Database, damaged, hasTable, type Statement } from '../database/database.js'
import { joined, type SqlCondition, sqlOf, withReadable } from '../images/filter-sql.js'
import { idConditions } from '../images/id-conditions.js'
import { damagedKeys } from '../images/image-damage.js'
import { keyOf, keysOf, slotOf } from '../images/image-row.js'
import { jobRows } from '../jobs/stored-job-row.js'
import type { ReaderCalls, SlotsAmong } from './reader-protocol.js'

/** Tables whose indexes affect answers. The others are read only by key, and their rows carry checksums. */
const indexedTables = ['gallery', 'embedding_set', 'image', 'job', 'job_error', 'feedback', 'decision']

export interface VectorPage {
  slots: Uint32Array<ArrayBuffer>
  vectors: Float32Array<ArrayBuffer>
  nextSlot?: number
  /** Slots with damaged embeddings, omitted above. */
  damaged: number[]
}

export class GalleryScans {
  readonly #database: Database
  readonly #galleries: GalleryTable
  readonly #sets: SetTable
  readonly #vectors: Statement<[number, number, number], { key: number; vector: Buffer; checksum: number }>
  readonly #unlabelled: Statement<[number], number>
  readonly #labels: Statement<[number, string, number], LabelCount>
  readonly #described: Statement<[number, number], { key: number; label: string | null; metadata: string }>
  /** Keys of damaged records, found by `verify`. */
  #damagedKeys: readonly number[] = []
  readonly #counts: Statement<
    [{ from: number; to: number }],
    { images: number; pairs: number; embeddings: number; last: number | null }
  >

  constructor(database: Database) {
    this.#database = database
    this.#galleries = new GalleryTable(database, { damagedRecords: 'named' })
    this.#sets = new SetTable(database)
    this.#vectors = database.prepare(
      'SELECT key, vector, checksum FROM embedding WHERE key >= ? AND key < ? ORDER BY key LIMIT ?',
    )
    this.#unlabelled = database
      .prepare<[number], number>('SELECT count(*) FROM image WHERE gallery = ? AND label IS NULL')
      .pluck()
    this.#labels = database.prepare(
      'SELECT label, count(*) AS count FROM image WHERE gallery = ? AND label > ? GROUP BY label ORDER BY label LIMIT ?',
    )
    this.#described = database.prepare(
      'SELECT key, label, metadata FROM image WHERE key >= ? AND key < ? ORDER BY key LIMIT 1',
    )
    this.#counts = database.prepare(
      `SELECT (SELECT count(*) FROM image WHERE key >= @from AND key < @to) AS images,
              (SELECT count(*) FROM embedding WHERE key >= @from AND key < @to) AS embeddings,
              (SELECT count(*) FROM image JOIN embedding USING (key) WHERE key >= @from AND key < @to) AS pairs,
              (SELECT max(key) FROM image WHERE key >= @from AND key < @to) AS last`,
    )
  }

  /**
   * Damaged records are left to whoever reads them.
   * @throws AlikeError `data_unreadable` for any other inconsistency
   */
  verify(): void {
    for (const table of indexedTables.filter((name) => hasTable(this.#database, name))) {
      const faults = this.#database.pragma(`integrity_check(${table})`, { simple: true })
      if (faults !== 'ok') throw damaged(`The table of ${table} records is damaged.`, new Error(String(faults)))
    }
    // lists select jobs by the values of columns, and might miss a damaged one
    checkRows(this.#database, 'job', jobRows)
    for (const { gallery, isDamaged } of this.#galleries.list())
      for (const set of isDamaged ? [] : this.#sets.wholeOf(gallery.number)) this.#verifySet(set, gallery.name)
    this.#damagedKeys = damagedKeys(this.#database)
  }

  #verifySet({ number, count, next_slot }: SetRow, name: string | null): void {
    const range = { from: keyOf(number, 0), to: keyOf(number + 1, 0) }
    const { images, embeddings, pairs, last } = this.#counts.get(range)!
    const whole =
      images === count && embeddings === count && pairs === count && (last === null || slotOf(last) < next_slot)
    if (!whole)
      throw damaged(
        `Gallery ${name} should hold ${count} pictures; ${images} records and ${embeddings} embeddings are there.`,
      )
  }

  /** A damaged embedding affects one picture, not its gallery. */
  vectors(gallery: number, dimension: number, fromSlot: number, limit: number): VectorPage {
    const rows = this.#vectors.all(keyOf(gallery, fromSlot), keyOf(gallery + 1, 0), limit)
    const isWhole = ({ key, vector, checksum }: (typeof rows)[number]) =>
      checksumOfBytes(key, vector) === checksum && vector.length === dimension * 4
    const whole = rows.filter(isWhole)
    const bytes = new Uint8Array(whole.length * dimension * 4)
    whole.forEach(({ vector }, i) => bytes.set(vector, i * dimension * 4))
    const page: VectorPage = {
      slots: Uint32Array.from(whole, ({ key }) => slotOf(key)),
      vectors: new Float32Array(bytes.buffer),
      damaged: whole.length === rows.length ? [] : rows.filter((row) => !isWhole(row)).map(({ key }) => slotOf(key)),
    }
    return rows.length < limit ? page : { ...page, nextSlot: slotOf(rows.at(-1)!.key) + 1 }
  }

  /**
   * The first scan may use the index of ids or labels; later ones read only what was added, by key. Damaged records are
   * included because it is unknown whether they match: reading one reports it.
   */
  slotsOfFilter(gallery: number, filter: Filter, among: SlotsAmong): Uint32Array<ArrayBuffer> {
    const range = rangeOf(gallery, among)
    const keys = withReadable(filter, (condition) => {
      const { sql, parameters } = joined([range, condition], ' AND ')
      return this.#database
        .prepare<unknown[], number>(`SELECT key FROM image WHERE ${sql}`)
        .pluck()
        .all(...parameters)
    })
    const unknown = this.#damagedKeys.length === 0 ? [] : this.#damagedKeys.filter(isAmong(gallery, among))
    return Uint32Array.from(unknown.length === 0 ? keys : new Set([...keys, ...unknown]), slotOf).sort()
  }

  /** Ids as stored: whoever reads the records checks that they still match. */
  fittingIds({
    gallery,
    filter,
    after,
    examinedMax,
    limit,
  }: ReaderCalls['fittingIds']['request']): ReaderCalls['fittingIds']['reply'] {
    const upTo = this.#idAfter(gallery, filter, after, examinedMax)
    const ids = withReadable(filter, (condition) => {
      const { sql, parameters } = joined([...idsWithin(after, upTo), condition], ' AND ')
      return this.#database
        .prepare<unknown[], string>(`SELECT id FROM image WHERE gallery = ? AND ${sql} ORDER BY id LIMIT ?`)
        .pluck()
        .all(gallery, ...parameters, limit)
    })
    return { ids, upTo: ids.length === limit ? ids.at(-1) : upTo }
  }

  /** The last of the next `examinedMax` ids that meet the conditions on ids; undefined if there are fewer. */
  #idAfter(gallery: number, filter: Filter, after: string, examinedMax: number): string | undefined {
    const conditions = idConditions(filter).map((condition) => sqlOf(condition))
    const inGallery = { sql: 'gallery = ?', parameters: [gallery] }
    const { sql, parameters } = joined([inGallery, ...idsWithin(after), ...conditions], ' AND ')
    return this.#database
      .prepare<unknown[], string>(`SELECT id FROM image WHERE ${sql} ORDER BY id LIMIT 1 OFFSET ?`)
      .pluck()
      .get(...parameters, examinedMax - 1)
  }

  /** Samples are looked up one by one; the pictures between them are not read. */
  fields(gallery: number, step: number): GalleryFields {
    const counts = new FieldCounts()
    const end = keyOf(gallery + 1, 0)
    let length = 0
    for (
      let [examined, from] = [0, keyOf(gallery, 0)];
      examined < fieldBounds.images && length < fieldBounds.length;
    ) {
      const row = this.#described.get(from, end)
      if (row === undefined) break
      counts.add({ label: row.label, metadata: readStored(row.metadata) ?? {} })
      length += row.metadata.length
      examined++
      from = Math.max(row.key + 1, keyOf(gallery, Math.ceil(examined * step)))
    }
    return counts.result()
  }

  /** By label, ascending; pictures without one come first. @param after the last label of the previous page */
  labels(gallery: number, after: string | undefined, limit: number): LabelCount[] {
    const unlabelled = after === undefined ? this.#unlabelled.get(gallery)! : 0
    const first = unlabelled === 0 ? [] : [{ label: null, count: unlabelled }]
    return [...first, ...this.#labels.all(gallery, after ?? '', limit)].slice(0, limit)
  }
}

/** SQLite searches by the first condition on the id, so an empty bound, which all ids meet, is left out. */
function idsWithin(after: string, upTo?: string): SqlCondition[] {
  return [
    ...(after === '' ? [] : [{ sql: 'id > ?', parameters: [after] }]),
    ...(upTo === undefined ? [] : [{ sql: 'id <= ?', parameters: [upTo] }]),
  ]
}

function rangeOf(gallery: number, among: SlotsAmong): SqlCondition {
  if ('listed' in among)
    return { sql: 'key IN (SELECT value FROM json_each(?))', parameters: [keysOf(gallery, among.listed)] }
  const { from, to } = among
  return from === 0
    ? { sql: 'gallery = ? AND key < ?', parameters: [gallery, keyOf(gallery, to)] }
    : { sql: 'key >= ? AND key < ?', parameters: [keyOf(gallery, from), keyOf(gallery, to)] }
}

function isAmong(gallery: number, among: SlotsAmong): (key: number) => boolean {
  if ('listed' in among) {
    const keys = new Set(among.listed.map((slot) => keyOf(gallery, slot)))
    return (key) => keys.has(key)
  }
  return (key) => key >= keyOf(gallery, among.from) && key < keyOf(gallery, among.to)
}

/** Which originals pictures use, and which they have given up; see `original-schema.ts`. */
import type { SettledOriginals } from '../../../../originals/garbage.js'
import type { Database, Statement } from '../database/database.js'

export class OriginalTable {
  readonly #elsewhere: Statement<[], 1>
  readonly #released: Statement<[string, number], string>
  readonly #isUsed: Statement<[string], 1>
  readonly #isRecorded: Statement<[string], 1>
  readonly #forget: Statement<[string]>

  constructor(database: Database) {
    this.#elsewhere = database
      .prepare<[], 1>("SELECT 1 FROM embedding_set WHERE engine <> 'embedded' AND stage <> 'dropped' LIMIT 1")
      .pluck()
    // not only those that no picture uses: after a gallery has been stored again, looking for one would read them all
    this.#released = database
      .prepare<[string, number], string>(
        'SELECT content_hash FROM released_original WHERE content_hash > ? ORDER BY content_hash LIMIT ?',
      )
      .pluck()
    // a gallery may have released its originals while it still has the pictures
    this.#isUsed = database
      .prepare<[string], 1>(
        `SELECT 1 FROM image
         JOIN embedding_set ON embedding_set.number = image.gallery
         JOIN gallery ON gallery.number = embedding_set.gallery
         WHERE json_extract(gallery.options, '$.released') IS NULL AND content_hash = ? LIMIT 1`,
      )
      .pluck()
    this.#isRecorded = database.prepare<[string], 1>('SELECT 1 FROM image WHERE content_hash = ? LIMIT 1').pluck()
    this.#forget = database.prepare('DELETE FROM released_original WHERE content_hash = ?')
  }

  /** Whether all pictures are recorded here; another engine keeps those of its sets itself. */
  knowsAll(): boolean {
    return this.#elsewhere.get() === undefined
  }

  /** Content hashes that pictures gave up, in order; some may be used again. */
  released(limit: number, after: string): string[] {
    return this.#released.all(after, limit)
  }

  isUsed(contentHash: string): boolean {
    return this.#isUsed.get(contentHash) !== undefined
  }

  /** Also by a picture whose gallery has released its originals. */
  isRecorded(contentHash: string): boolean {
    return this.#isRecorded.get(contentHash) !== undefined
  }

  /** Removes what has been removed from the list, and of `usedAgain` what a picture still uses. */
  forget({ removed, usedAgain }: SettledOriginals): void {
    for (const contentHash of removed) this.#forget.run(contentHash)
    for (const contentHash of usedAgain) if (this.isUsed(contentHash)) this.#forget.run(contentHash)
  }
}

/** Which originals pictures use, and which they have given up; see `original-schema.ts`. */
import type { Database, Statement } from '../database/database.js'

export class OriginalTable {
  readonly #elsewhere: Statement<[], 1>
  readonly #unused: Statement<[string, number], string>
  readonly #isUsed: Statement<[string], 1>
  readonly #isRecorded: Statement<[string], 1>
  readonly #forget: Statement<[string]>
  readonly #forgetUsed: Statement<[]>

  constructor(database: Database) {
    this.#elsewhere = database
      .prepare<[], 1>("SELECT 1 FROM embedding_set WHERE engine <> 'embedded' AND stage <> 'dropped' LIMIT 1")
      .pluck()
    // a gallery may have released its originals while it still has the pictures
    const holding = `SELECT 1 FROM image
      JOIN embedding_set ON embedding_set.number = image.gallery
      JOIN gallery ON gallery.number = embedding_set.gallery
      WHERE json_extract(gallery.options, '$.released') IS NULL`
    const used = `${holding} AND content_hash = released_original.content_hash`
    this.#unused = database
      .prepare<[string, number], string>(
        `SELECT content_hash FROM released_original
         WHERE content_hash > ? AND NOT EXISTS (${used}) ORDER BY content_hash LIMIT ?`,
      )
      .pluck()
    this.#isUsed = database.prepare<[string], 1>(`${holding} AND content_hash = ? LIMIT 1`).pluck()
    this.#isRecorded = database.prepare<[string], 1>('SELECT 1 FROM image WHERE content_hash = ? LIMIT 1').pluck()
    this.#forget = database.prepare(`DELETE FROM released_original WHERE content_hash = ? AND NOT EXISTS (${used})`)
    this.#forgetUsed = database.prepare(`DELETE FROM released_original WHERE EXISTS (${used})`)
  }

  /** Whether all pictures are recorded here; another engine keeps those of its sets itself. */
  knowsAll(): boolean {
    return this.#elsewhere.get() === undefined
  }

  /** Content hashes that were used by pictures and no longer are, in order. */
  unused(limit: number, after: string): string[] {
    return this.#unused.all(after, limit)
  }

  isUsed(contentHash: string): boolean {
    return this.#isUsed.get(contentHash) !== undefined
  }

  /** Also by a picture whose gallery has released its originals. */
  isRecorded(contentHash: string): boolean {
    return this.#isRecorded.get(contentHash) !== undefined
  }

  /** Removes these from the list unless a picture uses them again, and removes all that are used again. */
  forget(contentHashes: readonly string[]): void {
    for (const contentHash of contentHashes) this.#forget.run(contentHash)
    this.#forgetUsed.run()
  }
}

/**
 * Whether an upload has had an id before: two of its pictures under one id are told, whatever made
 * them the same. Every item of a source passes by here in its order, those of a former run included.
 */
import { hash } from 'node:crypto'

/** More than the elements that one Set can hold, as INGEST_MAX_FILES may be. */
const sets = 64

export class RepeatedIds {
  /** 53 bits of a hash each: a million ids take 40 MB, and of 20,000 such uploads one tells of a pair that is none. */
  readonly #seen = Array.from({ length: sets }, () => new Set<number>())

  /** @returns whether it has been met before */
  meet(id: string): boolean {
    const bits = Buffer.from(hash('sha1', id, 'binary'), 'binary').readBigUInt64BE()
    const seen = this.#seen[Number(bits % BigInt(sets))]!
    const key = Number(bits >> 11n)
    if (seen.has(key)) return true
    seen.add(key)
    return false
  }
}

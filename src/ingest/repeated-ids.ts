/**
 * Detects repeated ids within an upload: two pictures with one id are reported, whatever made their ids equal. Every
 * item of a source passes through here in order, including those of a previous run.
 */
import { hash } from 'node:crypto'

/** More than one Set can hold, because INGEST_MAX_FILES may exceed that. */
const sets = 64

export class RepeatedIds {
  /** 53 hash bits per id: a million ids take 40 MB, and one such upload in 20,000 reports a false pair. */
  readonly #seen = Array.from({ length: sets }, () => new Set<number>())

  /** @returns whether the id has been seen before */
  meet(id: string): boolean {
    const bits = Buffer.from(hash('sha1', id, 'binary'), 'binary').readBigUInt64BE()
    const seen = this.#seen[Number(bits % BigInt(sets))]!
    const key = Number(bits >> 11n)
    if (seen.has(key)) return true
    seen.add(key)
    return false
  }
}

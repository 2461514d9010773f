/**
 * New pictures whose write failed although the server may have stored them. No caller has been told that they were created: a repeated
 * request is answered so, and a job that repeats its step counts them as added.
 */

/** Oldest are forgotten; a repeated request for one of those is told that it replaced the picture. */
const keptMax = 10_000

export class UnacknowledgedAdditions {
  /** Content hashes by uuid. */
  readonly #hashes = new Map<string, string>()

  /** Call before writing it. */
  begin(uuid: string, contentHash: string): void {
    this.#hashes.delete(uuid)
    this.#hashes.set(uuid, contentHash)
    if (this.#hashes.size > keptMax) this.#hashes.delete(this.#hashes.keys().next().value!)
  }

  /** Its caller will be told. */
  end(uuid: string): void {
    this.#hashes.delete(uuid)
  }

  /** @param contentHash of the stored picture */
  has(uuid: string, contentHash: string): boolean {
    return this.#hashes.get(uuid) === contentHash
  }
}

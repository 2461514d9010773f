/**
 * Pictures whose write failed although the server may have stored them. A repeated request writes them again, because the server may not have
 * inserted them into its graph. No caller has been told that new ones were created: the repeated request is answered so, and a job that
 * repeats its step counts them as added.
 */

/** Oldest are forgotten: what is stored of those counts as written. */
const keptMax = 10_000

interface Write {
  contentHash: string
  isAddition: boolean
}

export class UnacknowledgedWrites {
  /** By uuid. */
  readonly #writes = new Map<string, Write>()

  /** Call before writing it. @param isAddition no caller has been told that it exists */
  begin(uuid: string, write: Write): void {
    this.#writes.delete(uuid)
    this.#writes.set(uuid, write)
    if (this.#writes.size > keptMax) this.#writes.delete(this.#writes.keys().next().value!)
  }

  /** Its caller will be told. */
  end(uuid: string): void {
    this.#writes.delete(uuid)
  }

  /** @param contentHash of the stored picture */
  find(uuid: string, contentHash: string): 'addition' | 'replacement' | undefined {
    const write = this.#writes.get(uuid)
    if (write?.contentHash !== contentHash) return undefined
    return write.isAddition ? 'addition' : 'replacement'
  }
}

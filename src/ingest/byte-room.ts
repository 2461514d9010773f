/** A memory budget for work in progress: what does not fit waits until something else finishes. */

export class ByteRoom {
  readonly #maxBytes: number
  #bytes = 0
  #free: (() => void) | undefined

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /**
   * One caller at a time may wait. A request larger than the budget gets it exclusively.
   * @returns a function that releases the memory, once
   */
  async take(bytes: number): Promise<() => void> {
    while (this.#bytes > 0 && this.#bytes + bytes > this.#maxBytes)
      await new Promise<void>((resolve) => {
        this.#free = resolve
      })
    this.#bytes += bytes
    return () => {
      this.#bytes -= bytes
      this.#free?.()
    }
  }
}

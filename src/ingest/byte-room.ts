/** Room in memory for what is under way: what does not fit waits until something before it is done. */

export class ByteRoom {
  readonly #maxBytes: number
  #bytes = 0
  #free: (() => void) | undefined

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /**
   * One at a time: who waits is alone in the line. Whatever is larger than the room has it to itself.
   * @returns what gives it back, once
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

/** A set of slots as a bitmap: slots are dense, and a million of them take 125 kB. */
export class SlotSet {
  #words = new Uint32Array(64)
  #size = 0
  #end = 0

  get size(): number {
    return this.#size
  }

  /** One more than the highest slot ever added. */
  get end(): number {
    return this.#end
  }

  has(slot: number): boolean {
    const word = this.#words[Math.floor(slot / 32)]
    return word !== undefined && (word & (1 << (slot % 32))) !== 0
  }

  add(slot: number): void {
    if (this.has(slot)) return
    const index = Math.floor(slot / 32)
    if (index >= this.#words.length) {
      const grown = new Uint32Array(Math.max(index + 1, this.#words.length * 2))
      grown.set(this.#words)
      this.#words = grown
    }
    this.#words[index]! |= 1 << (slot % 32)
    this.#size++
    this.#end = Math.max(this.#end, slot + 1)
  }
}

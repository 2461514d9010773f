/** Ascending slots, in shared memory, so that sending them to the index with each search copies nothing. */
import { firstFrom } from '../../first-from.js'

export class GrowingSlots {
  #memory: Uint32Array
  #count = 0

  private constructor(length: number) {
    this.#memory = sharedMemory(length)
  }

  static of(this: void, slots: Uint32Array): GrowingSlots {
    return new GrowingSlots(slots.length).append(slots)
  }

  get slots(): Uint32Array {
    return this.#memory.subarray(0, this.#count)
  }

  /** @param more all above the existing ones. Holders of the earlier slots keep seeing only those. */
  append(more: Uint32Array): this {
    const count = this.#count + more.length
    if (count > this.#memory.length) {
      const grown = sharedMemory(Math.ceil(count * 1.25))
      grown.set(this.slots)
      this.#memory = grown
    }
    this.#memory.set(more, this.#count)
    this.#count = count
    return this
  }

  /**
   * @param again slots whose pictures were changed or removed, ascending
   * @param fitting those of them that are allowed now
   * @returns others if that makes a difference: holders of these keep seeing them
   */
  with(again: readonly number[], fitting: Uint32Array): GrowingSlots {
    const { slots } = this
    const fits = new Set(fitting)
    const places = again.map((slot) => firstFrom(slots, slot))
    if (again.every((slot, i) => fits.has(slot) === (slots[places[i]!] === slot))) return this
    const changed = new GrowingSlots(slots.length + fitting.length)
    let from = 0
    again.forEach((slot, i) => {
      const place = places[i]!
      changed.append(slots.subarray(from, place))
      if (fits.has(slot)) changed.append(Uint32Array.of(slot))
      from = slots[place] === slot ? place + 1 : place
    })
    return changed.append(slots.subarray(from))
  }
}

function sharedMemory(length: number): Uint32Array {
  return new Uint32Array(new SharedArrayBuffer(length * Uint32Array.BYTES_PER_ELEMENT))
}

/** A limited number of places that callers occupy for long: none of them can take all. */
export class SharedPlaces {
  readonly #max: number
  /** The last quarter is for callers that have no place yet. */
  readonly #forMany: number
  readonly #ofCallers = new Map<string, number>()
  #taken = 0

  constructor(max: number) {
    this.#max = max
    this.#forMany = max - Math.floor(max / 4)
  }

  get taken(): number {
    return this.#taken
  }

  /** @returns a function that releases the place, to be called once; undefined if there is none for this caller */
  tryTake(caller: string): (() => void) | undefined {
    const own = this.#ofCallers.get(caller) ?? 0
    if (this.#taken >= (own === 0 ? this.#max : this.#forMany)) return undefined
    this.#add(caller, 1)
    return () => this.#add(caller, -1)
  }

  #add(caller: string, places: 1 | -1): void {
    this.#taken += places
    const own = (this.#ofCallers.get(caller) ?? 0) + places
    if (own === 0) this.#ofCallers.delete(caller)
    else this.#ofCallers.set(caller, own)
  }
}

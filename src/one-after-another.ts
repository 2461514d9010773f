/** Asynchronous work of one kind, one piece after the other in the order it came. A piece that fails holds up nobody behind it. */
export class OneAfterAnother {
  #last: Promise<unknown> = Promise.resolve()

  /** Settles as the work does. */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => {}) // told to whose work it was
    return done
  }

  /** Resolves when all that has come so far has ended. */
  ended(): Promise<unknown> {
    return this.#last
  }
}

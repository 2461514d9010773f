/** Runs asynchronous tasks one after the other, in order of arrival. A failed task does not hold up the others. */
export class OneAfterAnother {
  #last: Promise<unknown> = Promise.resolve()

  /** Settles as the work does. */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => {}) // reported to the task's caller
    return done
  }

  /** Resolves when all tasks so far have ended. */
  ended(): Promise<unknown> {
    return this.#last
  }
}

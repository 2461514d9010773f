/** Which indexes of a thread have something to link, and whose turn it is: the others, of which there may be thousands, cost nothing. */
export class LinkingTurns {
  /** By number, next first. */
  readonly #waiting = new Set<number>()

  get areOver(): boolean {
    return this.#waiting.size === 0
  }

  /** Call it whenever there may be something to link in it. */
  add(index: number): void {
    this.#waiting.add(index)
  }

  /** @param work false if nothing is left to do for now */
  take(work: (index: number) => boolean, isTimeUp: () => boolean): void {
    for (const index of [...this.#waiting]) {
      if (isTimeUp()) return
      const more = work(index)
      this.#waiting.delete(index)
      if (more) this.#waiting.add(index) // behind the others
    }
  }
}

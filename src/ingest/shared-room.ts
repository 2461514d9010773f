/**
 * What running jobs may have in progress together, such as pictures, or bytes of their files. They get equal shares, so
 * that none waits for the whole of another, and one that is alone gets everything.
 */

/** Of one job. */
export interface RoomShare {
  /**
   * In the order of the calls. A job that has nothing in progress is always admitted, however much it takes.
   * @returns a function that releases it, once
   */
  take(amount: number): Promise<() => void>
  /** The others share what it had, also of what it has not released. */
  leave(): void
}

interface Job {
  taken: number
  readonly waiting: { amount: number; enter(): void }[]
}

export class SharedRoom {
  readonly #max: number
  readonly #jobs = new Set<Job>()

  constructor(max: number) {
    this.#max = max
  }

  enter(): RoomShare {
    const job: Job = { taken: 0, waiting: [] }
    this.#jobs.add(job)
    return {
      take: async (amount) => {
        if (job.waiting.length === 0 && this.#admits(job, amount)) job.taken += amount
        else await new Promise<void>((enter) => job.waiting.push({ amount, enter }))
        return () => {
          job.taken -= amount
          this.#letEnter()
        }
      },
      leave: () => {
        this.#jobs.delete(job)
        for (const { enter } of job.waiting.splice(0)) enter() // or what has ended would wait for ever
        this.#letEnter()
      },
    }
  }

  /**
   * A newcomer gets its share as the others release theirs: until then there is room for its first only. Nobody wakes a
   * job that has left.
   */
  #admits(job: Job, amount: number): boolean {
    if (job.taken === 0 || !this.#jobs.has(job)) return true
    let all = amount
    for (const { taken } of this.#jobs) all += taken
    return job.taken + amount <= this.#max / this.#jobs.size && all <= this.#max
  }

  #letEnter(): void {
    for (const job of this.#jobs)
      for (let [next] = job.waiting; next !== undefined && this.#admits(job, next.amount); [next] = job.waiting) {
        job.waiting.shift()
        job.taken += next.amount
        next.enter()
      }
  }
}

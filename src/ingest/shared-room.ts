/**
 * What running jobs may have in progress together: pictures, and bytes of their files. They get equal shares, so that
 * none waits for the whole of another, and one that is alone gets everything.
 */

export interface RoomSize {
  pictures: number
  bytes: number
}

/** What one job has in progress, and the picture for which it waits. */
interface Holding extends RoomSize {
  waiting: { bytes: number; enter(): void } | undefined
}

/** Of one job. */
export interface RoomShare {
  /**
   * One caller at a time may wait. A job that has nothing in progress is always admitted, however large its picture is.
   * @returns a function that releases the room, once
   */
  take(bytes: number): Promise<() => void>
  /** The others share what it had, also of what it has not released. */
  leave(): void
}

export class SharedRoom {
  readonly #max: RoomSize
  readonly #jobs = new Set<Holding>()

  constructor(max: RoomSize) {
    this.#max = max
  }

  enter(): RoomShare {
    const job: Holding = { pictures: 0, bytes: 0, waiting: undefined }
    this.#jobs.add(job)
    return {
      take: async (bytes) => {
        if (!this.#admits(job, bytes))
          await new Promise<void>((resolve) => {
            job.waiting = { bytes, enter: resolve }
          })
        else add(job, 1, bytes)
        return () => {
          add(job, -1, -bytes)
          this.#letEnter()
        }
      },
      leave: () => {
        this.#jobs.delete(job)
        job.waiting?.enter() // or what has ended would wait for ever
        this.#letEnter()
      },
    }
  }

  /** A newcomer gets its share as pictures of the others are finished: until then there is room for its first only. */
  #admits(job: Holding, bytes: number): boolean {
    const { pictures, bytes: bytesMax } = this.#max
    const share = { pictures: Math.floor(pictures / this.#jobs.size), bytes: bytesMax / this.#jobs.size }
    return job.pictures === 0 || (fits(job, share, bytes) && fits(this.#used, this.#max, bytes))
  }

  get #used(): RoomSize {
    const used = { pictures: 0, bytes: 0 }
    for (const job of this.#jobs) add(used, job.pictures, job.bytes)
    return used
  }

  #letEnter(): void {
    for (const job of this.#jobs) {
      const { waiting } = job
      if (waiting === undefined || !this.#admits(job, waiting.bytes)) continue
      job.waiting = undefined
      add(job, 1, waiting.bytes)
      waiting.enter()
    }
  }
}

function fits(held: RoomSize, max: RoomSize, bytes: number): boolean {
  return held.pictures < max.pictures && held.bytes + bytes <= max.bytes
}

function add(held: RoomSize, pictures: number, bytes: number): void {
  held.pictures += pictures
  held.bytes += bytes
}

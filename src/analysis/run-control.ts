/**
 * What a run and its thread share: how far it is, and the wish that it stop. In memory that both
 * see, as a thread at work takes no messages.
 */
import { AlikeError } from '../errors.js'

const cells = { stopped: 0, done: 1, expected: 2 } as const

export class RunControl {
  /** For the other end. */
  readonly shared: SharedArrayBuffer
  readonly #values: Int32Array

  /** @param shared of the first end, for the second one */
  constructor(shared = new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT)) {
    this.shared = shared
    this.#values = new Int32Array(shared)
  }

  /** Items that are finished. */
  get done(): number {
    return Atomics.load(this.#values, cells.done)
  }

  /** Items that are known to make up the run; grows while more turn up. */
  get expected(): number {
    return Atomics.load(this.#values, cells.expected)
  }

  advance(items = 1): void {
    Atomics.add(this.#values, cells.done, items)
  }

  expect(items: number): void {
    Atomics.add(this.#values, cells.expected, items)
  }

  stop(): void {
    Atomics.store(this.#values, cells.stopped, 1)
  }

  /** Called between two pieces of work. @throws AlikeError `job_finished` */
  throwIfStopped(): void {
    if (Atomics.load(this.#values, cells.stopped) === 1)
      throw new AlikeError('job_finished', { detail: 'It was stopped.' })
  }
}

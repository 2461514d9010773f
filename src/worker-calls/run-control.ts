/**
 * Progress of a run in another thread, and the request to stop it, shared by both ends. In shared memory, because a busy
 * thread receives no messages.
 */
import { AlikeError } from '../errors.js'

const cells = { stopped: 0, done: 1, expected: 2 } as const

export class RunControl {
  /** To be passed to the other end. */
  readonly shared: SharedArrayBuffer
  readonly #values: Int32Array

  /** @param shared from the first end, to create the second */
  constructor(shared = new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT)) {
    this.shared = shared
    this.#values = new Int32Array(shared)
  }

  /** Finished items. */
  get done(): number {
    return Atomics.load(this.#values, cells.done)
  }

  /** Known number of items in the run; grows as more are discovered. */
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

  get isStopped(): boolean {
    return Atomics.load(this.#values, cells.stopped) === 1
  }

  /** Called between pieces of work. @throws AlikeError `shutting_down` */
  throwIfStopped(): void {
    if (this.isStopped) throw new AlikeError('shutting_down', { detail: 'It was stopped.' })
  }
}

/** Reads each loss one step late: reading waits for the device, which would otherwise idle. */
import { performance } from 'node:perf_hooks'
import type * as tf from '@tensorflow/tfjs-core'
import type { EpochProgress } from '../progress.js'

interface Pending {
  loss: tf.Scalar
  images: number
  place: string
}

export class LateLosses {
  readonly #progress: EpochProgress
  readonly #log: (line: string) => void
  #pending: Pending | null = null

  constructor(progress: EpochProgress, log: (line: string) => void) {
    this.#progress = progress
    this.#log = log
  }

  /** Call it once the step is running on the device; reads the previous step's loss. */
  add(step: Pending): void {
    this.flush()
    this.#pending = step
  }

  /** Counts the pending loss, if any, and disposes of it. */
  flush(): void {
    if (this.#pending === null) return
    const { loss, images, place } = this.#pending
    const line = this.#progress.add(loss.dataSync()[0]!, images, place, performance.now())
    loss.dispose()
    this.#pending = null
    if (line !== null) this.#log(line)
  }
}

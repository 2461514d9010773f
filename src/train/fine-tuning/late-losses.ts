/** Losses that are read one step late: reading waits for the device, which should not wait for us. */
import { performance } from 'node:perf_hooks'
import type * as tf from '@tensorflow/tfjs-core'
import type { EpochProgress } from '../progress.js'

interface Untold {
  loss: tf.Scalar
  images: number
  place: string
}

export class LateLosses {
  readonly #progress: EpochProgress
  readonly #log: (line: string) => void
  #untold: Untold | null = null

  constructor(progress: EpochProgress, log: (line: string) => void) {
    this.#progress = progress
    this.#log = log
  }

  /** When the step is under way; the one before is told now. */
  add(step: Untold): void {
    this.tell()
    this.#untold = step
  }

  /** Counts the loss that waits, if there is one, and disposes of it. */
  tell(): void {
    if (this.#untold === null) return
    const { loss, images, place } = this.#untold
    const line = this.#progress.add(loss.dataSync()[0]!, images, place, performance.now())
    loss.dispose()
    this.#untold = null
    if (line !== null) this.#log(line)
  }
}

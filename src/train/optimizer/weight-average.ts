/** Exponential moving average of weights: at every moment of a run a better network than that of any single step. */
import * as tf from '@tensorflow/tfjs-core'
import { FlatVariables } from './flat-variables.js'

/** The average is updated in every step; the averaged network's variables only on request. */
export class WeightAverage {
  readonly #weights: FlatVariables
  readonly #averaged: FlatVariables
  readonly #average: tf.Variable<tf.Rank.R1>

  /**
   * Starts from the averaged network's current weights.
   * @param averaged, weights of one network each, in the same order
   */
  constructor(averaged: readonly tf.Variable[], weights: readonly tf.Variable[]) {
    this.#weights = new FlatVariables(weights)
    this.#averaged = new FlatVariables(averaged)
    this.#average = tf.tidy(() => tf.variable(this.#averaged.gather(), false))
  }

  /** average ← d·average + (1 − d)·weights, with d rising to `decay` so that the random start is soon forgotten. */
  follow(step: number, decay: number): void {
    const keep = Math.min(decay, (1 + step) / (10 + step))
    tf.tidy(() => this.#average.assign(tf.add(tf.mul(this.#average, keep), tf.mul(this.#weights.gather(), 1 - keep))))
  }

  /** Writes the average to the variables of the averaged network. */
  write(): void {
    this.#averaged.scatter(this.#average)
  }

  dispose(): void {
    this.#average.dispose()
  }
}

/** Exponential moving average of weights: a better network than any single step's, at every moment of a run. */
import * as tf from '@tensorflow/tfjs-core'

/** average ← d·average + (1 − d)·weights, with d rising to `decay` so that the random start is soon forgotten. */
export function followWeights(average: readonly tf.Variable[], weights: readonly tf.Variable[], step: number, decay: number): void {
  const keep = Math.min(decay, (1 + step) / (10 + step))
  for (const [index, kept] of average.entries()) {
    tf.tidy(() => kept.assign(tf.add(tf.mul(kept, keep), tf.mul(weights[index]!, 1 - keep))))
  }
}

/**
 * Many variables as one vector. Updating variable by variable takes thousands of small operations per step, and on a
 * GPU their number costs more than their size; on one vector the same update takes a dozen.
 */
import * as tf from '@tensorflow/tfjs-core'

export class FlatVariables {
  readonly #variables: readonly tf.Variable[]
  readonly #sizes: number[]

  /** @param variables at least one */
  constructor(variables: readonly tf.Variable[]) {
    this.#variables = variables
    this.#sizes = variables.map(({ size }) => size)
  }

  /** Total number of values. */
  get size(): number {
    return this.#sizes.reduce((sum, size) => sum + size, 0)
  }

  /** Their current values, concatenated. */
  gather(): tf.Tensor1D {
    return this.flatten(this.#variables)
  }

  /** @param tensors with the variables' shapes, in their order */
  flatten(tensors: readonly tf.Tensor[]): tf.Tensor1D {
    return tf.tidy(() => tf.concat(tensors.map((tensor) => tf.reshape(tensor, [-1]))) as tf.Tensor1D)
  }

  /** 1 for every value of a matching variable, 0 for the others. */
  mask(fits: (variable: tf.Variable) => boolean): tf.Tensor1D {
    return this.flatten(
      this.#variables.map((variable) => (fits(variable) ? tf.onesLike(variable) : tf.zerosLike(variable))),
    )
  }

  /** Assigns each variable its part of the vector. @param wanted variables for which it returns false are unchanged */
  scatter(values: tf.Tensor1D, wanted: (variable: tf.Variable) => boolean = () => true): void {
    tf.tidy(() => {
      const pieces = tf.split(values, this.#sizes)
      for (const [index, variable] of this.#variables.entries()) {
        if (wanted(variable)) variable.assign(tf.reshape(pieces[index]!, variable.shape))
      }
    })
  }
}

/**
 * Many variables as one vector. An update that goes variable by variable is thousands of small operations a step, and on a GPU
 * it is their number that costs, not their size: as one vector the same update is a dozen.
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

  /** Numbers in all. */
  get size(): number {
    return this.#sizes.reduce((sum, size) => sum + size, 0)
  }

  /** Their values now, one behind the other. */
  gather(): tf.Tensor1D {
    return this.flatten(this.#variables)
  }

  /** @param tensors of the variables' shapes, in their order */
  flatten(tensors: readonly tf.Tensor[]): tf.Tensor1D {
    return tf.tidy(() => tf.concat(tensors.map((tensor) => tf.reshape(tensor, [-1]))) as tf.Tensor1D)
  }

  /** 1 for every number of a variable that fits, 0 for the others. */
  mask(fits: (variable: tf.Variable) => boolean): tf.Tensor1D {
    return this.flatten(
      this.#variables.map((variable) => (fits(variable) ? tf.onesLike(variable) : tf.zerosLike(variable))),
    )
  }

  /** Gives each variable its part of the vector. @param wanted variables that it says no to keep what they have */
  scatter(values: tf.Tensor1D, wanted: (variable: tf.Variable) => boolean = () => true): void {
    tf.tidy(() => {
      const pieces = tf.split(values, this.#sizes)
      for (const [index, variable] of this.#variables.entries()) {
        if (wanted(variable)) variable.assign(tf.reshape(pieces[index]!, variable.shape))
      }
    })
  }
}

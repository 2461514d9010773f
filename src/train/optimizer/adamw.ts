/** Adam with decoupled weight decay (Loshchilov and Hutter 2019). */
import * as tf from '@tensorflow/tfjs-core'

export interface AdamWOptions {
  beta1?: number
  beta2?: number
  epsilon?: number
  /** Per step and unit of learning rate; only on kernels, that is on weights of two or more axes. */
  weightDecay?: number
}

export class AdamW {
  /** Steps taken. */
  step = 0
  readonly #variables: readonly tf.Variable[]
  readonly #first: tf.Variable[]
  readonly #second: tf.Variable[]
  readonly #options: Required<AdamWOptions>

  constructor(variables: readonly tf.Variable[], { beta1 = 0.9, beta2 = 0.99, epsilon = 1e-6, weightDecay = 0.05 }: AdamWOptions = {}) {
    this.#variables = variables
    this.#options = { beta1, beta2, epsilon, weightDecay }
    const moments = () => variables.map((variable) => tf.variable(tf.zerosLike(variable), false))
    this.#first = moments()
    this.#second = moments()
  }

  /** First and second moments, in the order of the variables: with `step`, the whole state. */
  get moments(): readonly tf.Variable[] {
    return [...this.#first, ...this.#second]
  }

  /** @param gradients by variable name, as tf.variableGrads returns them */
  apply(gradients: tf.NamedTensorMap, learningRate: number): void {
    this.step++
    const { beta1, beta2, epsilon, weightDecay } = this.#options
    const [correction1, correction2] = [1 - beta1 ** this.step, 1 - beta2 ** this.step]
    for (const [index, variable] of this.#variables.entries()) {
      const gradient = gradients[variable.name]
      if (gradient === undefined) continue
      tf.tidy(() => {
        const first = this.#first[index]!
        const second = this.#second[index]!
        first.assign(tf.add(tf.mul(first, beta1), tf.mul(gradient, 1 - beta1)))
        second.assign(tf.add(tf.mul(second, beta2), tf.mul(tf.square(gradient), 1 - beta2)))
        const direction = tf.div(first, tf.add(tf.sqrt(tf.div(second, correction2)), epsilon))
        const decay = variable.rank > 1 ? learningRate * weightDecay : 0
        variable.assign(tf.sub(tf.mul(variable, 1 - decay), tf.mul(direction, learningRate / correction1)))
      })
    }
  }

  dispose(): void {
    tf.dispose([...this.#first, ...this.#second])
  }
}

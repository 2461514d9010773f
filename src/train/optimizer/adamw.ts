/** Adam with decoupled weight decay (Loshchilov and Hutter 2019), over all its variables at once. */
import * as tf from '@tensorflow/tfjs-core'
import { FlatVariables } from './flat-variables.js'

export interface AdamWOptions {
  beta1?: number
  beta2?: number
  epsilon?: number
  /** Per step and unit of learning rate; applies only to kernels, that is, weights with two or more axes. */
  weightDecay?: number
}

export class AdamW {
  readonly #variables: readonly tf.Variable[]
  readonly #flat: FlatVariables
  readonly #first: tf.Variable<tf.Rank.R1>
  readonly #second: tf.Variable<tf.Rank.R1>
  /** Steps in which something moved; kept on the device, because reading it there would wait. */
  readonly #steps: tf.Variable<tf.Rank.R0>
  /** 1 for weights that decay. */
  readonly #decaying: tf.Variable<tf.Rank.R1>
  readonly #options: Required<AdamWOptions>

  /** @param variables at least one */
  constructor(
    variables: readonly tf.Variable[],
    { beta1 = 0.9, beta2 = 0.99, epsilon = 1e-6, weightDecay = 0.05 }: AdamWOptions = {},
  ) {
    this.#variables = variables
    this.#flat = new FlatVariables(variables)
    this.#options = { beta1, beta2, epsilon, weightDecay }
    const kept = <R extends tf.Rank>(make: () => tf.Tensor<R>) => tf.tidy(() => tf.variable(make(), false))
    this.#first = kept(() => tf.zeros([this.#flat.size]))
    this.#second = kept(() => tf.zeros([this.#flat.size]))
    this.#steps = kept(() => tf.scalar(0))
    this.#decaying = kept(() => this.#flat.mask(({ rank }) => rank > 1))
  }

  /** The whole state: first and second moments [n], in the order of the variables, and the number of steps. */
  get moments(): readonly tf.Variable[] {
    return [this.#first, this.#second, this.#steps]
  }

  /** @param gradients by variable name, as returned by tf.variableGrads; a variable without one is unchanged */
  apply(gradients: tf.NamedTensorMap, learningRate: number): void {
    const moves = (variable: tf.Variable): boolean => gradients[variable.name] !== undefined
    if (!this.#variables.some(moves)) return
    const { beta1, beta2, epsilon, weightDecay } = this.#options
    tf.tidy(() => {
      this.#steps.assign(tf.add(this.#steps, 1))
      const correction = (beta: number) => tf.sub(1, tf.pow(beta, this.#steps))
      const gradient = this.#flat.flatten(
        this.#variables.map((variable) => gradients[variable.name] ?? tf.zerosLike(variable)),
      )
      this.#first.assign(tf.add(tf.mul(this.#first, beta1), tf.mul(gradient, 1 - beta1)))
      this.#second.assign(tf.add(tf.mul(this.#second, beta2), tf.mul(tf.square(gradient), 1 - beta2)))
      const mean = tf.div(this.#first, correction(beta1))
      const direction = tf.div(mean, tf.add(tf.sqrt(tf.div(this.#second, correction(beta2))), epsilon))
      const kept = tf.mul(this.#flat.gather(), tf.sub(1, tf.mul(this.#decaying, learningRate * weightDecay)))
      this.#flat.scatter(tf.sub(kept, tf.mul(direction, learningRate)), moves)
    })
  }

  dispose(): void {
    tf.dispose([this.#first, this.#second, this.#steps, this.#decaying])
  }
}

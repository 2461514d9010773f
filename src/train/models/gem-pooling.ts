/** Generalised mean over a map (Radenović et al. 2018): (mean of x^p)^(1/p). p = 1 is the average, large p the maximum. */
import * as tf from '@tensorflow/tfjs-core'
import { layers, type Shape } from '@tensorflow/tfjs-layers'

type LayerArgs = NonNullable<ConstructorParameters<typeof layers.Layer>[0]>

/** Lower bound of the inputs: powers of negative numbers are undefined, and the gradient at 0 is infinite. */
export const smallestActivation = 1e-6

/** [N, H, W, C], after a ReLU → [N, C]. No weights: `power` is a setting. */
export class GemPooling extends layers.Layer {
  static className = 'GemPooling'
  readonly power: number

  constructor(args: LayerArgs & { power: number }) {
    super(args)
    this.power = args.power
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
    const shape = inputShape as Shape
    return [shape[0]!, shape.at(-1)!]
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const map = Array.isArray(inputs) ? inputs[0]! : inputs
      const powers = tf.pow(tf.maximum(map, smallestActivation), this.power)
      return tf.pow(tf.mean(powers, [1, 2]), 1 / this.power)
    })
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), power: this.power }
  }
}

tf.serialization.registerClass(GemPooling)

/** Layers that tfjs-layers lacks: the two final ones of a retrieval network, and a cheaper first one. */
import * as tf from '@tensorflow/tfjs-core'
import { initializers, type LayerVariable, layers, type Shape } from '@tensorflow/tfjs-layers'

type LayerArgs = ConstructorParameters<typeof layers.Layer>[0]

const only = <T>(inputs: T | T[]): T => (Array.isArray(inputs) ? inputs[0]! : inputs)

/** Scales rows to unit length: x / √max(Σx², 1e-12). No weights. */
export class L2Normalize extends layers.Layer {
  static className = 'L2Normalize'

  override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
    return inputShape
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => unitLength(only(inputs), -1))
  }
}

export interface CosineClassifierArgs {
  /** Number of classes. */
  units: number
  /** Logit = scale × cosine. A low scale (5–8) keeps the embedding suited to retrieval. */
  scale: number
  seed?: number
}

/**
 * Unit embedding [N, D] → scale × cosine with each class's direction [N, C]. One weight: `kernel` [D, C], columns of
 * any length.
 */
export class CosineClassifier extends layers.Layer {
  static className = 'CosineClassifier'
  readonly units: number
  readonly scale: number
  readonly #seed: number | undefined
  #kernel!: LayerVariable

  constructor(args: CosineClassifierArgs & NonNullable<LayerArgs>) {
    super(args)
    this.units = args.units
    this.scale = args.scale
    this.#seed = args.seed
  }

  override build(inputShape: Shape | Shape[]): void {
    const dimension = (inputShape as Shape).at(-1)!
    const initializer = initializers.glorotNormal(this.#seed === undefined ? {} : { seed: this.#seed })
    this.#kernel = this.addWeight('kernel', [dimension, this.units], 'float32', initializer)
    this.built = true
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[] {
    return [(inputShape as Shape)[0]!, this.units]
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const directions = unitLength(this.#kernel.read(), 0) // [D, C], columns of unit length
      return tf.mul(tf.matMul(only(inputs) as tf.Tensor2D, directions as tf.Tensor2D), this.scale)
    })
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), units: this.units, scale: this.scale }
  }
}

/**
 * A convolution of pixels. It equals the layer of tfjs, whose fused operation also computes the gradient of its input:
 * 5 % of a step of the simple CNN, for pixels that are not trained. The plain operation leaves it out.
 * @param args with one stride for both axes, the padding `same` and no bias
 */
export const pixelConvolution: typeof layers.conv2d = (args) => {
  const layer = layers.conv2d(args)
  layer.call = (inputs) =>
    tf.tidy(() => {
      const kernel = layer.weights[0]!.read() as tf.Tensor4D
      return tf.conv2d(only(inputs) as tf.Tensor4D, kernel, args.strides as number, 'same')
    })
  return layer
}

function unitLength(x: tf.Tensor, axis: number): tf.Tensor {
  return tf.mul(x, tf.rsqrt(tf.maximum(tf.sum(tf.square(x), axis, true), 1e-12)))
}

tf.serialization.registerClass(L2Normalize)
tf.serialization.registerClass(CosineClassifier)

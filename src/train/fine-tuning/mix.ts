/**
 * Combines two pictures and their labels: mixup (Zhang et al. 2018) blends them, CutMix (Yun et al. 2019) pastes a
 * rectangle of one into the other. A network trained on mixed labels is less confident about what it merely memorised.
 */
import * as tf from '@tensorflow/tfjs-core'
import { shuffled } from '../../datasets/split.js'

export interface Mix {
  /** For each row, the row it is mixed with. */
  partners: number[]
  /** Share of the row itself, 0 to 1; the partner contributes the rest. */
  share: number
  /** The partner's rectangle, as fractions of the side; absent for a blend. */
  box?: { left: number; top: number; side: number }
}

/** Small, so that most blends are nearly one of the two pictures. */
const mixupAlpha = 0.2

/** @param count rows in the batch @param random uniform in [0, 1) */
export function planMix(count: number, random: () => number): Mix {
  const partners = shuffled(
    Array.from({ length: count }, (_, row) => row),
    random,
  )
  if (random() < 0.5) return { partners, share: symmetricBeta(mixupAlpha, random) }
  const side = Math.sqrt(1 - random())
  const box = { left: random() * (1 - side), top: random() * (1 - side), side }
  return { partners, share: 1 - side * side, box }
}

/** Beta(α, α) for α below 1 (Jöhnk 1964). */
function symmetricBeta(alpha: number, random: () => number): number {
  for (;;) {
    const [a, b] = [random() ** (1 / alpha), random() ** (1 / alpha)]
    if (a + b <= 1 && a + b > 0) return a / (a + b)
  }
}

/** @param input [N, S, S, C]; a vector, S = 1, has no rectangle, and is blended @returns the same shape */
export function mixed(input: tf.Tensor4D, { partners, share, box }: Mix): tf.Tensor4D {
  return tf.tidy(() => {
    const others = tf.gather(input, tf.tensor1d(partners, 'int32'))
    if (box === undefined || input.shape[1] === 1)
      return tf.add(tf.mul(input, share), tf.mul(others, 1 - share)) as tf.Tensor4D
    const own = maskAround(box, input.shape[1])
    return tf.add(tf.mul(input, own), tf.mul(others, tf.sub(1, own))) as tf.Tensor4D
  })
}

/** Values of each picture, mixed in the proportion of their areas. @param rows [N, D] */
export function mixedRows(rows: tf.Tensor2D, { partners, share }: Mix): tf.Tensor2D {
  return tf.add(tf.mul(rows, share), tf.mul(tf.gather(rows, tf.tensor1d(partners, 'int32')), 1 - share)) as tf.Tensor2D
}

/** [1, S, S, 1]: 0 inside the box. */
function maskAround({ left, top, side }: NonNullable<Mix['box']>, size: number): tf.Tensor4D {
  const inside = (position: number, start: number) =>
    position >= Math.round(start * size) && position < Math.round((start + side) * size)
  const values = Float32Array.from({ length: size * size }, (_, at) =>
    inside(at % size, left) && inside(Math.floor(at / size), top) ? 0 : 1,
  )
  return tf.tensor4d(values, [1, size, size, 1])
}

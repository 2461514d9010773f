/** Converts layouts and norms of other frameworks to those of our layers. */
import { AlikeError } from '../../errors.js'
import type { NamedTensor } from '../safetensors.js'
import type { TensorsByName } from './weight-format.js'

/** @throws AlikeError `weights_unreadable` if it is missing. */
export function tensorOf(tensors: TensorsByName, name: string): NamedTensor {
  const found = tensors.get(name)
  if (found === undefined) throw new AlikeError('weights_unreadable', { detail: `The tensor ${name} is missing.` })
  return found
}

/** [out, in, height, width] → [height, width, in, out]. A depthwise kernel, [channels, 1, h, w], comes out as [h, w, 1, channels]. */
export function kernelFromChannelsFirst({ name, shape, values }: NamedTensor): NamedTensor {
  const [outputs = 0, inputs = 0, height = 0, width = 0] = shape
  const area = height * width
  const moved = new Float32Array(values.length)
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let at = 0; at < area; at++) moved[(at * inputs + i) * outputs + o] = values[(o * inputs + i) * area + at]!
    }
  }
  return { name, shape: [height, width, inputs, outputs], values: moved }
}

/** [h, w, 1, channels] → [h, w, channels, 1]: the same order in memory. */
export function asDepthwise({ name, shape, values }: NamedTensor): NamedTensor {
  const [height = 0, width = 0, multiplier = 0, channels = 0] = shape
  return { name, shape: [height, width, channels, multiplier], values }
}

/** [out, in] → [in, out]. */
export function transposed({ name, shape, values }: NamedTensor): NamedTensor {
  const [rows = 0, columns = 0] = shape
  const moved = new Float32Array(values.length)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) moved[column * rows + row] = values[row * columns + column]!
  return { name, shape: [columns, rows], values: moved }
}

/** Converts kernels that read channels as B, G, R to R, G, B. @param kernel [h, w, 3, out] */
export function withRedFirst({ name, shape, values }: NamedTensor): NamedTensor {
  const [, , channels = 0, outputs = 0] = shape
  const moved = values.map((_, i) => {
    const [place, output] = [Math.floor(i / outputs), i % outputs]
    const channel = place % channels
    return values[(place - channel + (channels - 1 - channel)) * outputs + output]!
  })
  return { name, shape, values: moved }
}

export interface BatchNorm {
  gamma: NamedTensor
  beta: NamedTensor
  mean: NamedTensor
  variance: NamedTensor
  epsilon: number
}

/**
 * Folds batch-norm with fixed statistics into the preceding convolution: kernel · s and (bias − mean) · s + β with s =
 * γ / √(variance + ε), per output channel.
 * @param kernel [h, w, in, out]
 */
export function foldedBatchNorm(
  kernel: NamedTensor,
  bias: NamedTensor | undefined,
  { gamma, beta, mean, variance, epsilon }: BatchNorm,
): [kernel: NamedTensor, bias: NamedTensor] {
  const outputs = kernel.shape.at(-1)!
  for (const tensor of [gamma, beta, mean, variance]) {
    if (tensor.values.length !== outputs)
      throw new AlikeError('weights_unreadable', {
        detail: `${tensor.name} has ${tensor.values.length} values for ${outputs} channels of ${kernel.name}.`,
      })
  }
  const scale = gamma.values.map((value, i) => value / Math.sqrt(variance.values[i]! + epsilon))
  return [
    { ...kernel, values: kernel.values.map((value, i) => value * scale[i % outputs]!) },
    {
      name: `${kernel.name} folded`,
      shape: [outputs],
      values: beta.values.map((value, i) => value + ((bias?.values[i] ?? 0) - mean.values[i]!) * scale[i]!),
    },
  ]
}

/** Float32 numbers as 8-bit steps. */
import type { ValueRange } from './value-histogram.js'

export interface Steps {
  /** Value of one step. */
  scale: number
  /** The step that stands for 0. */
  zeroPoint: number
}

/** Unsigned steps over a range; zero is a step, so that padding stays exact. */
export function unsignedSteps({ low, high }: ValueRange): Steps {
  const [from, to] = [Math.min(low, 0), Math.max(high, 0)]
  // what is always zero needs no particular step
  const scale = to > from ? Math.fround((to - from) / 255) : 1
  return { scale, zeroPoint: Math.round(-from / scale) }
}

export interface QuantisedKernel {
  values: Int8Array
  /** Per output channel. */
  scales: Float32Array
  /** Steps of (input scale × kernel scale) per output channel. */
  bias: Int32Array
}

/**
 * Bits of a kernel's weights. Processors with VNNI (Intel since 2019, AMD since Zen 4) compute 8 bits exactly. On others ONNX Runtime adds
 * pairs of products in 16 bits, which 8-bit weights overflow and 7-bit weights can not: with 7 every processor gives the same.
 */
export type WeightBits = 7 | 8

/** Far from where the sum of a bias and the products of a window would overflow 32 bits. */
const largestBias = 2 ** 30

/**
 * Symmetric, a scale per output channel.
 * @param kernel [outputs, …]
 */
export function quantiseKernel(kernel: Float32Array, bias: Float32Array, inputScale: number, bits: WeightBits): QuantisedKernel {
  const largestStep = 2 ** (bits - 1) - 1
  const perOutput = kernel.length / bias.length
  const scales = bias.map((value, output) => {
    const largest = kernel.subarray(output * perOutput, (output + 1) * perOutput).reduce((max, weight) => Math.max(max, Math.abs(weight)), 0)
    // a channel of next to no weight keeps steps large enough for its bias
    return Math.max(largest / largestStep, Math.abs(value) / inputScale / largestBias) || 1
  })
  const values = Int8Array.from(kernel, (weight, i) => Math.round(weight / scales[Math.floor(i / perOutput)]!))
  return { values, scales, bias: Int32Array.from(bias, (value, output) => Math.round(value / (inputScale * scales[output]!))) }
}

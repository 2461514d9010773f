/** Quantises float32 numbers to 8-bit steps. */
import type { ValueRange } from './value-histogram.js'

export interface Steps {
  /** Value of one step. */
  scale: number
  /** The step that represents 0. */
  zeroPoint: number
}

/** Unsigned steps over a range; zero is exactly representable, so that padding stays exact. */
export function unsignedSteps({ low, high }: ValueRange): Steps {
  const [from, to] = [Math.min(low, 0), Math.max(high, 0)]
  // a value that is always zero can have any step size
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
 * Bits of a kernel's weights. Processors with VNNI (Intel since 2019, AMD since Zen 4) compute 8 bits exactly. On
 * others ONNX Runtime adds pairs of products in 16 bits, which 8-bit weights can overflow and 7-bit weights cannot:
 * with 7, all processors give the same results.
 */
export type WeightBits = 7 | 8

/** Well below the point where a bias plus the products of a window would overflow 32 bits. */
const largestBias = 2 ** 30

export interface KernelToQuantise {
  /** [outputs, inputs per group, …]. */
  kernel: Float32Array
  bias: Float32Array
  /** Value of one input step. */
  inputScale: number
  /** Mean of each input channel over pictures; if absent, the bias is not corrected for rounding errors. */
  inputMeans?: Float32Array
  groups: number
  bits: WeightBits
  /** Result of `leastErrorScales` if known; otherwise it is computed. */
  searched?: Float64Array | undefined
}

/**
 * Candidate ends of the range, as fractions of a channel's largest weight; clipping a few large weights makes the steps
 * finer for all others.
 */
const reaches = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6]

/**
 * Symmetric; each output channel uses the scale with the least squared error. The average effect of rounding the
 * weights on an output, Σ (rounded − exact) · mean input, is subtracted from its bias (Nagel et al. 2019).
 */
export function quantiseKernel({
  kernel,
  bias,
  inputScale,
  inputMeans,
  groups,
  bits,
  searched = leastErrorScales(kernel, bias.length, bits),
}: KernelToQuantise): QuantisedKernel {
  const largestStep = largestStepOf(bits)
  const perOutput = kernel.length / bias.length
  const weightsOf = (output: number) => kernel.subarray(output * perOutput, (output + 1) * perOutput)
  // a channel with tiny weights keeps steps large enough for its bias
  const scales = bias.map(
    (value, output) => Math.max(searched[output]!, Math.abs(value) / inputScale / largestBias) || 1,
  )
  const values = new Int8Array(kernel.length)
  for (let i = 0; i < kernel.length; i++)
    values[i] = stepOf(kernel[i]!, scales[Math.floor(i / perOutput)]!, largestStep)
  const corrected =
    inputMeans === undefined
      ? bias
      : bias.map((value, output) => {
          const steps = values.subarray(output * perOutput, (output + 1) * perOutput)
          return (
            value -
            meanShift(weightsOf(output), steps, scales[output]!, meansOfGroup(inputMeans, groups, output, bias.length))
          )
        })
  return {
    values,
    scales,
    bias: Int32Array.from(corrected, (value, output) => Math.round(value / (inputScale * scales[output]!))),
  }
}

/**
 * The scale with the least squared error for each output channel. Depends on the weights alone and takes almost all of
 * the time.
 * @param kernel [outputs, …]
 */
export function leastErrorScales(kernel: Float32Array, outputs: number, bits: WeightBits): Float64Array {
  const perOutput = kernel.length / outputs
  return Float64Array.from({ length: outputs }, (_, output) => {
    const weights = kernel.subarray(output * perOutput, (output + 1) * perOutput)
    let largest = 0
    for (let i = 0; i < weights.length; i++) largest = Math.max(largest, Math.abs(weights[i]!))
    return triedScales(weights, largest, largestStepOf(bits)).reduce((best, next) =>
      next.error < best.error ? next : best,
    ).scale
  })
}

function largestStepOf(bits: WeightBits): number {
  return 2 ** (bits - 1) - 1
}

function stepOf(weight: number, scale: number, largestStep: number): number {
  return Math.max(-largestStep, Math.min(largestStep, Math.round(weight / scale)))
}

function triedScales(weights: Float32Array, largest: number, largestStep: number): { scale: number; error: number }[] {
  return reaches
    .map((reach) => (largest * reach) / largestStep)
    .map((scale) => ({ scale, error: roundingError(weights, scale, largestStep) }))
}

/** The innermost of 200 million steps for a ResNet-50: a plain loop takes a fifth of the time of a fold. */
function roundingError(weights: Float32Array, scale: number, largestStep: number): number {
  if (scale === 0) return 0
  let sum = 0
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i]!
    sum += (stepOf(weight, scale, largestStep) * scale - weight) ** 2
  }
  return sum
}

/** @param means of the input channels that the weights read; each covers the same number of consecutive weights */
function meanShift(weights: Float32Array, steps: Int8Array, scale: number, means: Float32Array): number {
  const perInput = weights.length / means.length
  let sum = 0
  for (let i = 0; i < weights.length; i++) sum += (steps[i]! * scale - weights[i]!) * means[Math.floor(i / perInput)]!
  return sum
}

function meansOfGroup(means: Float32Array, groups: number, output: number, outputs: number): Float32Array {
  const inputs = means.length / groups
  const group = Math.floor((output * groups) / outputs)
  return means.subarray(group * inputs, (group + 1) * inputs)
}

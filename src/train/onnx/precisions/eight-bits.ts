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
 * pairs of products in 16 bits, which 8-bit weights overflow and 7-bit weights cannot: with 7 every processor gives the same.
 */
export type WeightBits = 7 | 8

/** Far from where the sum of a bias and the products of a window would overflow 32 bits. */
const largestBias = 2 ** 30

export interface KernelToQuantise {
  /** [outputs, inputs of a group, …]. */
  kernel: Float32Array
  bias: Float32Array
  /** Value of one step of the input. */
  inputScale: number
  /** Mean of each input channel over pictures; absent: the error of rounding is left in the bias. */
  inputMeans?: Float32Array
  groups: number
  bits: WeightBits
  /** Of `leastErrorScales`, where they are known; else they are searched for. */
  searched?: Float64Array | undefined
}

/** Parts of a channel's largest weight that its steps may end at; cutting off a few large weights makes the steps of all others finer. */
const reaches = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6]

/**
 * Symmetric; of each output channel the scale of the least squared error. What rounding the weights adds to an output on
 * average, Σ (rounded − exact) · mean input, is taken off its bias (Nagel et al. 2019).
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
  // a channel of next to no weight keeps steps large enough for its bias
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
 * Of each output channel the scale of the least squared error. It hangs on the weights alone, and takes nearly all of the time.
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

/** @param means of the input channels that the weights read, each by as many weights in a row */
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

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
 * Processors without VNNI (Intel before 2019, AMD before Zen 4) add the products of two neighbouring inputs in 16 bits,
 * saturating: 255 × (|a| + |b|) overflows if two weights of the same sign add up to more than this. Otherwise every processor
 * computes the same.
 */
const largestPair = 128
const largestStep = 127

/** Well below the point where a bias plus the products of a window would overflow 32 bits. */
const largestBias = 2 ** 30

/** A kernel's weights. */
export interface Kernel {
  /** [outputs, inputs, …]. */
  weights: Float32Array
  outputs: number
  /** Inputs that each output reads: those of its group. */
  inputs: number
}

export interface KernelToQuantise {
  kernel: Kernel
  bias: Float32Array
  /** Value of one input step. */
  inputScale: number
  /** Mean of each input channel over pictures; if absent, the bias is not corrected for rounding errors. */
  inputMeans?: Float32Array
  groups: number
  /** Result of `leastErrorScales` if known; otherwise it is computed. */
  searched?: Float64Array | undefined
}

/**
 * Candidate ends of the range, as fractions of a channel's largest weight. Clipping a few large weights makes the steps
 * finer for all others; a range of up to twice the largest weight cuts less from pairs, and nothing at its upper end.
 */
const reaches = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6]
const reachesOfPairs = [2, 1.85, 1.7, 1.6, 1.5, 1.4, 1.3, 1.2, 1.1, ...reaches]

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
  searched = leastErrorScales(kernel),
}: KernelToQuantise): QuantisedKernel {
  // a channel with tiny weights keeps steps large enough for its bias
  const scales = bias.map(
    (value, output) => Math.max(searched[output]!, Math.abs(value) / inputScale / largestBias) || 1,
  )
  const values = roundedKernel(kernel, scales)
  const shifts = inputMeans && meanShifts(kernel, { values, scales }, inputMeans, groups)
  const corrected = bias.map((value, output) => value - (shifts?.[output] ?? 0))
  return {
    values,
    scales,
    bias: Int32Array.from(corrected, (value, output) => Math.round(value / (inputScale * scales[output]!))),
  }
}

/** The steps of each weight. */
export function roundedKernel(kernel: Kernel, scales: ArrayLike<number>): Int8Array {
  const order = multiplicationOrder(kernel)
  const values = new Int8Array(kernel.weights.length)
  for (let output = 0; output < kernel.outputs; output++)
    roundWeights(weightsOf(kernel, output), scales[output]!, order, stepsOf(values, kernel, output))
  return values
}

/**
 * What rounding the weights adds to each output on average.
 * @param inputMeans of all groups
 */
export function meanShifts(
  kernel: Kernel,
  { values, scales }: { values: Int8Array; scales: ArrayLike<number> },
  inputMeans: Float32Array,
  groups = 1,
): Float64Array {
  return Float64Array.from({ length: kernel.outputs }, (_, output) => {
    const means = meansOfGroup(inputMeans, groups, output, kernel.outputs)
    return meanShift(weightsOf(kernel, output), stepsOf(values, kernel, output), scales[output]!, means)
  })
}

/**
 * The scale with the least squared error for each output channel. Depends on the weights alone and takes almost all of
 * the time.
 */
export function leastErrorScales(kernel: Kernel): Float64Array {
  const order = multiplicationOrder(kernel)
  const steps = new Int8Array(kernel.weights.length / kernel.outputs)
  return Float64Array.from({ length: kernel.outputs }, (_, output) => {
    const weights = weightsOf(kernel, output)
    let largest = 0
    for (let i = 0; i < weights.length; i++) largest = Math.max(largest, Math.abs(weights[i]!))
    return (order === null ? reaches : reachesOfPairs)
      .map((reach) => (largest * reach) / largestStep)
      .map((scale) => ({ scale, error: roundingError(weights, scale, order, steps) }))
      .reduce((best, next) => (next.error < best.error ? next : best)).scale
  })
}

function weightsOf({ weights, outputs }: Kernel, output: number): Float32Array {
  const perOutput = weights.length / outputs
  return weights.subarray(output * perOutput, (output + 1) * perOutput)
}

function stepsOf(values: Int8Array, { outputs }: Kernel, output: number): Int8Array {
  const perOutput = values.length / outputs
  return values.subarray(output * perOutput, (output + 1) * perOutput)
}

/**
 * Indices of an output's weights as ONNX Runtime multiplies them, two at a time: all inputs of a place, then the next
 * place. Null for an output that reads one input, as a depthwise kernel's does: those are multiplied in 32 bits.
 */
function multiplicationOrder({ weights, outputs, inputs }: Kernel): Uint32Array | null {
  if (inputs === 1) return null
  const perOutput = weights.length / outputs
  const places = perOutput / inputs
  return Uint32Array.from({ length: perOutput }, (_, k) => (k % inputs) * places + Math.floor(k / inputs))
}

/** The innermost of 200 million steps for a ResNet-50: plain loops take a fifth of the time of a fold. */
function roundWeights(weights: Float32Array, scale: number, order: Uint32Array | null, steps: Int8Array): void {
  for (let i = 0; i < weights.length; i++)
    steps[i] = Math.max(-largestStep, Math.min(largestStep, Math.round(weights[i]! / scale)))
  if (order === null) return
  for (let k = 0; k + 1 < order.length; k += 2) {
    const [i, j] = [order[k]!, order[k + 1]!]
    const [a, b] = [steps[i]!, steps[j]!]
    if (Math.abs(a + b) <= largestPair) continue
    // both lose the same, which is the least squared error
    const sum = a > 0 ? largestPair : -largestPair
    steps[i] = Math.round((sum + a - b) / 2)
    steps[j] = sum - steps[i]!
  }
}

function roundingError(weights: Float32Array, scale: number, order: Uint32Array | null, steps: Int8Array): number {
  if (scale === 0) return 0
  roundWeights(weights, scale, order, steps)
  let sum = 0
  for (let i = 0; i < weights.length; i++) sum += (steps[i]! * scale - weights[i]!) ** 2
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

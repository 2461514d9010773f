/** Layers with a kernel (convolution, depthwise, dense) and the batch-norm that follows them. */
import { addActivation } from './activation.js'
import type { Value } from './graph-builder.js'
import {
  callOf,
  type LayerCall,
  onlyInput,
  pairOf,
  requireChannelsLast,
  sizeOf,
  unsupported,
  weightsOf,
  wordOf,
  zeroPadsOf,
} from './layer-call.js'
import type { LayerContext } from './layer-context.js'
import { samePad, toOnnxPads } from './padding.js'

/** y = x · scale + shift, per channel. */
interface Affine {
  scale: Float32Array
  shift: Float32Array
}

const kernelLayers: Record<string, (context: LayerContext, call: LayerCall, after?: Affine) => Value> = {
  Conv2D: (context, call, after) => addConv(context, call, convKernel(call), after),
  DepthwiseConv2D: (context, call, after) => addConv(context, call, depthwiseKernel(call), after),
  Dense: addDense,
}

export function addKernelLayer(context: LayerContext, call: LayerCall): Value {
  return kernelLayers[call.kind]!(context, call)
}

/** Folded into the preceding kernel if nothing else reads the values in between; otherwise a product and a sum. */
export function addBatchNorm(context: LayerContext, call: LayerCall): Value {
  const input = onlyInput(call)
  const affine = affineOf(call, input.shape.length)
  const before = callOf(input)
  const fold = kernelLayers[before.kind]
  if (
    fold !== undefined &&
    context.uses(input) === 1 &&
    (before.layer.getConfig().activation ?? 'linear') === 'linear'
  ) {
    return fold(context, before, affine)
  }
  const shape = input.shape.length === 4 ? [affine.scale.length, 1, 1] : [affine.scale.length]
  const { builder } = context
  const scaled = builder.add('Mul', `${call.layer.name}/scaled`, [
    context.value(input),
    builder.floats(`${call.layer.name}/scale`, affine.scale, shape),
  ])
  return builder.add('Add', call.layer.name, [scaled, builder.floats(`${call.layer.name}/shift`, affine.shift, shape)])
}

/** γ · (x − mean) / √(variance + ε) + β with the running statistics, as one scale and shift. */
function affineOf(call: LayerCall, rank: number): Affine {
  const { axis, epsilon, scale: hasGamma = true, center: hasBeta = true } = call.layer.getConfig()
  if (axis !== -1 && axis !== rank - 1) throw unsupported(call, `normalises axis ${String(axis)}, not the channels`)
  const weights = weightsOf(call).map(({ values }) => values)
  const gamma = hasGamma === true ? weights.shift() : undefined
  const beta = hasBeta === true ? weights.shift() : undefined
  const [mean, variance] = weights
  if (mean === undefined || variance === undefined || typeof epsilon !== 'number')
    throw unsupported(call, 'has no running statistics')
  const scale = variance.map((value, i) => (gamma?.[i] ?? 1) / Math.sqrt(value + epsilon))
  return { scale, shift: mean.map((value, i) => (beta?.[i] ?? 0) - value * scale[i]!) }
}

interface ConvKernel {
  /** [out, in / groups, height, width]. */
  values: Float32Array
  shape: [number, number, number, number]
  groups: number
}

/** [height, width, in, out] → [out, in, height, width]. */
function convKernel(call: LayerCall): ConvKernel {
  const { values, shape } = weightsOf(call)[0]!
  const [height = 0, width = 0, inputs = 0, outputs = 0] = shape
  const moved = new Float32Array(values.length)
  let from = 0
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let i = 0; i < inputs; i++)
        for (let o = 0; o < outputs; o++) moved[((o * inputs + i) * height + y) * width + x] = values[from++]!
  return { values: moved, shape: [outputs, inputs, height, width], groups: 1 }
}

/** [height, width, in, multiplier] → [in · multiplier, 1, height, width], one group per input channel. */
function depthwiseKernel(call: LayerCall): ConvKernel {
  const { values, shape } = weightsOf(call)[0]!
  const [height = 0, width = 0, inputs = 0, multiplier = 0] = shape
  const outputs = inputs * multiplier
  const moved = new Float32Array(values.length)
  for (let at = 0; at < height * width; at++)
    for (let o = 0; o < outputs; o++) moved[o * height * width + at] = values[at * outputs + o]!
  return { values: moved, shape: [outputs, 1, height, width], groups: inputs }
}

function addConv(context: LayerContext, call: LayerCall, kernel: ConvKernel, after?: Affine): Value {
  requireChannelsLast(call)
  const { builder } = context
  const { name } = call.layer
  const [outputs, , height, width] = kernel.shape
  const window = {
    size: [height, width] as const,
    strides: pairOf(call, 'strides'),
    dilations: pairOf(call, 'dilationRate', 1),
  }
  const { source, pads } = paddedInput(context, call, window)
  if (after !== undefined)
    scaleOutputs(kernel.values, after.scale, (i) => Math.floor(i / (kernel.values.length / outputs)))
  const inputs = [context.value(source), builder.floats(`${name}/kernel`, kernel.values, kernel.shape)]
  const bias = biasOf(call, after)
  if (bias !== undefined) inputs.push(builder.floats(`${name}/bias`, bias, [outputs]))
  const { groups } = kernel
  const value = builder.add('Conv', name, inputs, {
    kernel_shape: window.size,
    strides: window.strides,
    dilations: window.dilations,
    group: groups,
    pads,
  })
  return addActivation(builder, call, call.layer.getConfig().activation, value)
}

interface Window {
  size: readonly [number, number]
  strides: readonly [number, number]
  dilations: readonly [number, number]
}

/** The convolution's input and padding; a preceding ZeroPadding2D is merged into its padding. */
function paddedInput(context: LayerContext, call: LayerCall, { size, strides, dilations }: Window) {
  const input = onlyInput(call)
  if (wordOf(call, 'padding', ['same', 'valid']) === 'same') {
    const along = (axis: 0 | 1) => samePad(sizeOf(input, axis + 1, call), size[axis], strides[axis], dilations[axis])
    return { source: input, pads: toOnnxPads(along(0), along(1)) }
  }
  const before = callOf(input)
  if (before.kind !== 'ZeroPadding2D' || context.uses(input) !== 1) return { source: input, pads: [0, 0, 0, 0] }
  return { source: onlyInput(before), pads: toOnnxPads(...zeroPadsOf(before)) }
}

function addDense(context: LayerContext, call: LayerCall, after?: Affine): Value {
  const { builder } = context
  const { name } = call.layer
  const input = onlyInput(call)
  if (input.shape.length !== 2) throw unsupported(call, `reads a tensor of rank ${input.shape.length}`)
  const { values, shape } = weightsOf(call)[0]!
  const units = shape[1]!
  if (after !== undefined) scaleOutputs(values, after.scale, (i) => i % units)
  const inputs = [context.value(input), builder.floats(`${name}/kernel`, values, shape)]
  const bias = biasOf(call, after)
  if (bias !== undefined) inputs.push(builder.floats(`${name}/bias`, bias, [units]))
  return addActivation(builder, call, call.layer.getConfig().activation, builder.add('Gemm', name, inputs))
}

function scaleOutputs(kernel: Float32Array, scale: Float32Array, outputOf: (i: number) => number): void {
  for (let i = 0; i < kernel.length; i++) kernel[i]! *= scale[outputOf(i)]!
}

/** (x + bias) · scale + shift = x · scale + (bias · scale + shift). */
function biasOf(call: LayerCall, after?: Affine): Float32Array | undefined {
  const bias = weightsOf(call)[1]?.values
  return after === undefined ? bias : after.shift.map((shift, i) => (bias?.[i] ?? 0) * after.scale[i]! + shift)
}

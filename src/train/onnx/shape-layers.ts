/** Layers without weights: pooling, padding, sums, reshapes. */
import type { SymbolicTensor } from '@tensorflow/tfjs-layers'
import type { Value } from './graph-builder.js'
import {
  callOf,
  type LayerCall,
  onlyInput,
  pairOf,
  requireChannelsLast,
  sizeOf,
  unsupported,
  wordOf,
  zeroPadsOf,
} from './layer-call.js'
import type { LayerContext } from './layer-context.js'
import { samePad, toOnnxPads } from './padding.js'

/** @param opType MaxPool ignores padding; AveragePool divides only by what lies inside the map, as TensorFlow does. */
export function addPooling(context: LayerContext, call: LayerCall, opType: 'MaxPool' | 'AveragePool'): Value {
  requireChannelsLast(call)
  const input = onlyInput(call)
  if (opType === 'MaxPool') requireHarmlessZeros(call, input)
  const size = pairOf(call, 'poolSize')
  const strides = pairOf(call, 'strides')
  const along = (axis: 0 | 1) => samePad(sizeOf(input, axis + 1, call), size[axis], strides[axis])
  const pads = wordOf(call, 'padding', ['same', 'valid']) === 'same' ? toOnnxPads(along(0), along(1)) : [0, 0, 0, 0]
  return context.builder.add(opType, call.layer.name, [context.value(input)], { kernel_shape: size, strides, pads })
}

/**
 * ONNX Runtime (1.17 and later) fuses a zero Pad into the following MaxPool, whose own padding is −∞: correct only if
 * nothing is negative, that is, after a ReLU.
 */
function requireHarmlessZeros(call: LayerCall, input: SymbolicTensor): void {
  const padding = callOf(input)
  if (padding.kind !== 'ZeroPadding2D') return
  const { layer, kind } = callOf(onlyInput(padding))
  const isPositive = kind === 'ReLU' || ['relu', 'relu6', 'sigmoid'].includes(String(layer.getConfig().activation))
  if (!isPositive) throw unsupported(call, 'reads zero padding around values that may be negative')
}

export function addGlobalPooling(
  context: LayerContext,
  call: LayerCall,
  opType: 'GlobalAveragePool' | 'GlobalMaxPool',
): Value {
  requireChannelsLast(call)
  const pooled = context.builder.add(opType, `${call.layer.name}/pooled`, [context.value(onlyInput(call))])
  return context.builder.add('Flatten', call.layer.name, [pooled], { axis: 1 })
}

/** Zeros count in a pooling, so they are written out unless a convolution absorbs them. */
export function addZeroPadding(context: LayerContext, call: LayerCall): Value {
  const [[top, bottom], [left, right]] = zeroPadsOf(call)
  const pads = context.builder.integers(`${call.layer.name}/pads`, [0, 0, top, left, 0, 0, bottom, right])
  return context.builder.add('Pad', call.layer.name, [context.value(onlyInput(call)), pads])
}

export function addSum(context: LayerContext, call: LayerCall): Value {
  const [first, ...rest] = call.inputs
  if (first === undefined) throw unsupported(call, 'has no input')
  return rest.reduce(
    (sum, next) => context.builder.add('Add', call.layer.name, [sum, context.value(next)]),
    context.value(first),
  )
}

/** The layers flatten row by row with channels last, so a map is transposed back first. */
export function addFlatten(context: LayerContext, call: LayerCall): Value {
  const input = onlyInput(call)
  const { builder } = context
  const value = context.value(input)
  const ordered =
    input.shape.length === 4
      ? builder.add('Transpose', `${call.layer.name}/channels-last`, [value], { perm: [0, 2, 3, 1] })
      : value
  return builder.add('Flatten', call.layer.name, [ordered], { axis: 1 })
}

/** A layers model as a graph of calls: the layer that produced a tensor, its inputs and its settings. */
import type { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers'
import { AlikeError } from '../../errors.js'
import type { Pad } from './padding.js'

export type Layer = SymbolicTensor['sourceLayer']

export interface LayerCall {
  layer: Layer
  /** Class name of the layer, such as `Conv2D`. */
  kind: string
  inputs: readonly SymbolicTensor[]
  output: SymbolicTensor
}

/** The call that produced a tensor. A layer used twice has one node per use. */
export function callOf(output: SymbolicTensor): LayerCall {
  const layer = output.sourceLayer
  return { layer, kind: layer.getClassName(), inputs: layer.inboundNodes[output.nodeIndex]?.inputTensors ?? [], output }
}

/** How often each tensor is used on the way to the outputs, by tensor id; being an output counts as a use. */
export function countUses(model: LayersModel): Map<number, number> {
  const uses = new Map<number, number>()
  const visit = (tensor: SymbolicTensor) => {
    const seen = uses.get(tensor.id) ?? 0
    uses.set(tensor.id, seen + 1)
    if (seen === 0 && callOf(tensor).kind !== 'InputLayer') callOf(tensor).inputs.forEach(visit)
  }
  model.outputs.forEach(visit)
  return uses
}

export function onlyInput(call: LayerCall): SymbolicTensor {
  const [input] = call.inputs
  if (input === undefined || call.inputs.length !== 1) throw unsupported(call, `has ${call.inputs.length} inputs`)
  return input
}

/** A fixed dimension of a tensor. */
export function sizeOf(tensor: SymbolicTensor, axis: number, call: LayerCall): number {
  const size = tensor.shape.at(axis)
  if (size === null || size === undefined) throw unsupported(call, 'has an input of free size')
  return size
}

/** A setting that must be one of the given words. */
export function wordOf<T extends string>(call: LayerCall, key: string, allowed: readonly T[]): T {
  const value = call.layer.getConfig()[key]
  const found = allowed.find((word) => word === value)
  if (found === undefined)
    throw unsupported(call, `has ${key} ${JSON.stringify(value)}; supported: ${allowed.join(', ')}`)
  return found
}

/** A setting of one or two numbers, such as height and width. */
export function pairOf(call: LayerCall, key: string, fallback?: number): [height: number, width: number] {
  const value = call.layer.getConfig()[key] ?? fallback
  if (typeof value === 'number') return [value, value]
  if (Array.isArray(value) && typeof value[0] === 'number')
    return [value[0], typeof value[1] === 'number' ? value[1] : value[0]]
  throw unsupported(call, `has no readable ${key}`)
}

/** Zeros added by a ZeroPadding2D. */
export function zeroPadsOf(call: LayerCall): [rows: Pad, columns: Pad] {
  requireChannelsLast(call)
  return call.layer.getConfig().padding as [Pad, Pad]
}

/** The weights in the layer's order. */
export function weightsOf(call: LayerCall): { values: Float32Array; shape: number[] }[] {
  return call.layer
    .getWeights()
    .map((weight) => ({ values: Float32Array.from(weight.dataSync()), shape: weight.shape }))
}

/** ONNX is channels-first, our layers are channels-last; any other order is refused. */
export function requireChannelsLast(call: LayerCall): void {
  if ((call.layer.getConfig().dataFormat ?? 'channelsLast') !== 'channelsLast')
    throw unsupported(call, 'is not channels-last')
}

export function unsupported(call: LayerCall, why: string): AlikeError {
  return new AlikeError('export_layer_unsupported', { detail: `Layer ${call.layer.name} (${call.kind}) ${why}.` })
}

/** What the conversion of one layer may ask about the rest of the network. */
import type { SymbolicTensor } from '@tensorflow/tfjs-layers'
import type { GraphBuilder, Value } from './graph-builder.js'

/** Pictures and maps are [N, C, H, W] in the graph, [N, H, W, C] in the layers; vectors are [N, D] in both. */
export interface LayerContext {
  readonly builder: GraphBuilder
  /** The graph's value of a tensor; converts the layers that lead to it first. */
  value(tensor: SymbolicTensor): Value
  /** How many layers or outputs read a tensor. */
  uses(tensor: SymbolicTensor): number
}

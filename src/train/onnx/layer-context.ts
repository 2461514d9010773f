/** What the conversion of one layer may access of the rest of the network. */
import type { SymbolicTensor } from '@tensorflow/tfjs-layers'
import type { GraphBuilder, Value } from './graph-builder.js'

/** Pictures and maps are [N, C, H, W] in the graph, [N, H, W, C] in the layers; vectors are [N, D] in both. */
export interface LayerContext {
  readonly builder: GraphBuilder
  /** Whether the nodes must mean the same in all opsets from 11 on, not only in ours. */
  readonly anyOpset: boolean
  /** The graph value of a tensor; first converts the layers that lead to it. */
  value(tensor: SymbolicTensor): Value
  /** How many layers or outputs read a tensor. */
  uses(tensor: SymbolicTensor): number
}

/** Activations, as separate layers or as the last step of another layer. */
import type { GraphBuilder, Value } from './graph-builder.js'
import { type LayerCall, unsupported } from './layer-call.js'

/** Adds the nodes of a named activation; `linear` adds nothing. */
export function addActivation(builder: GraphBuilder, call: LayerCall, activation: unknown, value: Value): Value {
  const name = `${call.layer.name}/${activation}`
  switch (activation ?? 'linear') {
    case 'linear':
      return value
    case 'relu':
      return builder.add('Relu', name, [value])
    case 'relu6':
      return addRelu(builder, name, value, 6)
    case 'sigmoid':
      return builder.add('Sigmoid', name, [value])
    case 'tanh':
      return builder.add('Tanh', name, [value])
    case 'swish':
      return builder.add('Mul', name, [value, builder.add('Sigmoid', `${name}/gate`, [value])])
    default:
      throw unsupported(call, `has the activation ${String(activation)}`)
  }
}

/** max(x, 0), and min(…, top) if a top is given. */
export function addRelu(builder: GraphBuilder, name: string, value: Value, top?: number): Value {
  if (top === undefined) return builder.add('Relu', name, [value])
  const bounds = [0, top].map((bound) => builder.floats(`${name}/${bound}`, Float32Array.of(bound), []))
  return builder.add('Clip', name, [value, ...bounds])
}

/** Our own final layers of a network: unit length, and classification by cosine. */
import type { JoinedEmbeddingArgs } from '../models/joined-embedding.js'
import type { GraphBuilder, Value } from './graph-builder.js'
import { type LayerCall, onlyInput, unsupported, weightsOf } from './layer-call.js'
import type { LayerContext } from './layer-context.js'

/** Keeps an all-zero row from becoming NaN; the same bound as in the layers themselves. */
const smallestLength = 1e-6

export function addL2Normalize(context: LayerContext, call: LayerCall): Value {
  return addUnitLength(context, call.layer.name, context.value(onlyInput(call)))
}

/** [N, D] → rows of length 1. The axes of a reduction are an attribute up to opset 17, and an input from 18 on. */
export function addUnitLength({ builder, anyOpset }: LayerContext, name: string, value: Value): Value {
  if (anyOpset) return builder.add('LpNormalization', name, [value], { axis: 1, p: 2 })
  return builder.add('Div', name, [value, addLength(builder, name, value)])
}

/** [N, D] → the length of each row, [N, 1]; never 0. */
export function addLength(builder: GraphBuilder, name: string, value: Value): Value {
  const length = builder.add('ReduceL2', `${name}/length`, [value], { axes: [1], keepdims: 1 })
  const floor = builder.floats(`${name}/smallest`, Float32Array.of(smallestLength), [])
  return builder.add('Max', `${name}/safe`, [length, floor])
}

/** scale · x · w/‖w‖ per class: the kernel is normalised and scaled once, here. The input already has unit length. */
export function addCosineClassifier(context: LayerContext, call: LayerCall): Value {
  const kernel = weightsOf(call)[0]
  const scale = call.layer.getConfig().scale
  if (kernel === undefined || typeof scale !== 'number') throw unsupported(call, 'has no kernel or no scale')
  const [rows = 0, classes = 0] = kernel.shape
  for (let c = 0; c < classes; c++) {
    let squares = 0
    for (let row = 0; row < rows; row++) squares += kernel.values[row * classes + c]! ** 2
    const factor = scale / Math.max(Math.sqrt(squares), smallestLength)
    for (let row = 0; row < rows; row++) kernel.values[row * classes + c]! *= factor
  }
  const { builder } = context
  return builder.add('MatMul', call.layer.name, [
    context.value(onlyInput(call)),
    builder.floats(`${call.layer.name}/kernel`, kernel.values, kernel.shape),
  ])
}

/**
 * √(1−p−i) · embedding, √p · √softmax(sharpness · logits) and √i · instance, concatenated; parts without a share are
 * omitted.
 */
export function addJoinedEmbedding({ builder, value }: LayerContext, call: LayerCall): Value {
  const { name } = call.layer
  const [embedding, logits, instance] = call.inputs
  const { posteriorShare, sharpness, instanceShare } = joinArgsOf(call)
  const scaled = (label: string, input: Value, factor: number) =>
    builder.add('Mul', `${name}/${label}`, [
      input,
      builder.floats(`${name}/${label}/factor`, Float32Array.of(factor), []),
    ])
  const parts = [scaled('embedding', value(embedding!), Math.sqrt(1 - posteriorShare - instanceShare))]
  if (posteriorShare > 0) {
    const posterior = builder.add('Softmax', `${name}/posterior`, [scaled('sharpened', value(logits!), sharpness)], {
      axis: 1,
    })
    parts.push(scaled('roots/scaled', builder.add('Sqrt', `${name}/roots`, [posterior]), Math.sqrt(posteriorShare)))
  }
  if (instanceShare > 0) parts.push(scaled('instance', value(instance!), Math.sqrt(instanceShare)))
  return builder.add('Concat', name, parts, { axis: 1 })
}

/** @throws AlikeError `export_layer_unsupported` if settings or inputs are missing. */
export function joinArgsOf(call: LayerCall): JoinedEmbeddingArgs {
  const { posteriorShare, sharpness, instanceShare } = call.layer.getConfig()
  if (typeof posteriorShare !== 'number' || typeof sharpness !== 'number' || typeof instanceShare !== 'number')
    throw unsupported(call, 'has no settings')
  if (call.inputs.length !== (instanceShare > 0 ? 3 : 2)) throw unsupported(call, `has ${call.inputs.length} inputs`)
  return { posteriorShare, sharpness, instanceShare }
}

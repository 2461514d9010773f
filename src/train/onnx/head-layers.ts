/** Our own layers at the end of a network: unit length, and classes told by cosine. */
import type { GraphBuilder, Value } from './graph-builder.js'
import { onlyInput, unsupported, weightsOf, type LayerCall } from './layer-call.js'
import type { LayerContext } from './layer-context.js'

/** Keeps an all-zero row from becoming NaN; the same bound as the layers themselves use. */
const smallestLength = 1e-6

export function addL2Normalize(context: LayerContext, call: LayerCall): Value {
  return addUnitLength(context.builder, call.layer.name, context.value(onlyInput(call)))
}

/** [N, D] → rows of length 1. */
export function addUnitLength(builder: GraphBuilder, name: string, value: Value): Value {
  const length = builder.add('ReduceL2', `${name}/length`, [value], { axes: [1], keepdims: 1 })
  const floor = builder.floats(`${name}/smallest`, Float32Array.of(smallestLength), [])
  return builder.add('Div', name, [value, builder.add('Max', `${name}/safe`, [length, floor])])
}

/** scale · x · w/‖w‖ per class: the kernel is normalised and scaled once, here. Its input has unit length already. */
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
  return builder.add('MatMul', call.layer.name, [context.value(onlyInput(call)), builder.floats(`${call.layer.name}/kernel`, kernel.values, kernel.shape)])
}

/** √(1−share) · embedding beside √share · √softmax(sharpness · logits). */
export function addEmbeddingWithPosterior({ builder, value }: LayerContext, call: LayerCall): Value {
  const [embedding, logits] = call.inputs
  const { name } = call.layer
  const { share, sharpness } = call.layer.getConfig()
  if (embedding === undefined || logits === undefined || typeof share !== 'number' || typeof sharpness !== 'number') throw unsupported(call, 'has not two inputs or no settings')
  const scaled = (label: string, input: Value, factor: number) => builder.add('Mul', `${name}/${label}`, [input, builder.floats(`${name}/${label}/factor`, Float32Array.of(factor), [])])
  const posterior = builder.add('Softmax', `${name}/posterior`, [scaled('sharpened', value(logits), sharpness)], { axis: 1 })
  const roots = scaled('roots/scaled', builder.add('Sqrt', `${name}/roots`, [posterior]), Math.sqrt(share))
  return builder.add('Concat', name, [scaled('embedding', value(embedding), Math.sqrt(1 - share)), roots], { axis: 1 })
}
